// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Coming before the host")
struct PromptPolicyTests {
    @Test("a watchdog that computes much takes its turn with the others, until it computes little again")
    func share() {
        var policy = PromptPolicy()
        var found: [Bool] = []
        for percent: Int64 in [1, 25, 26, 20, 13, 12, 20, 90] {
            policy.take(cpuNanoseconds: percent * 10_000_000, elapsedNanoseconds: 1_000_000_000)
            found.append(policy.isPrompt)
        }
        #expect(found == [true, true, false, false, false, true, true, false])
        // Two readings of one moment tell nothing.
        policy.take(cpuNanoseconds: 0, elapsedNanoseconds: 0)
        #expect(!policy.isPrompt)
    }
}
