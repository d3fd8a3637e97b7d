// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

extension Serial {
    /// What the article on getting started says happens.
    @Suite("The first program")
    struct FirstBlockTests {
        @Test("reports the block while it lasts, and its end, with the line of code")
        func reports() async throws {
            let program = try Repository.products() + "/first-block"
            var output = ""
            // A machine that has no CPU left for a second may not have let the loop answer by the time it blocks.
            for _ in 0..<3 {
                // Warnings go to standard error.
                let outcome = try await Shell.run("LOOPWATCH_LISTEN=127.0.0.1:0 timeout 120 '\(program)' 2>&1")
                #expect(outcome.status == 0)
                output += outcome.output
                let ended = outcome.output.split(separator: "\n").filter { line in
                    line.contains("loop blocked for ") && line.contains(" target=http-0 state=ended ")
                        && line.contains(" cause=syscall:clock_nanosleep ")
                }
                if ended.contains(where: { $0.contains(" at=\"callUpstream() main.swift:") }) { return }
            }
            Issue.record("no run told the block and its line: \(output)")
        }
    }
}
