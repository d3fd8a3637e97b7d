// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// The words for causes.
@Suite("Cause")
struct CauseTests {
    @Test("every cause has a label of its own, and only a system call says more than that")
    func labels() {
        let causes: [Cause] = [
            .cpu, .syscall("read"), .lock, .runqueue, .throttled, .suspended, .congestion, .starvation, .unknown,
        ]
        #expect(Set(causes.map(\.label)).count == causes.count)
        #expect(Set(Cause.blockLabels).isSubset(of: causes.map(\.label)))
        #expect(Cause.syscall("read").text == "syscall:read" && Cause.syscall("read").label == "syscall")
        for cause in causes where cause != .syscall("read") { #expect(cause.text == cause.label) }
    }
}
