// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

@testable import Loopwatch

/// What two looks at a thread tell of its jobs.
@Suite("Job progress")
struct JobProgressTests {
    private typealias State = JobProgress.State

    private func running(_ words: [UInt64], depth: Int = 0) -> State {
        .running(LoopFrames.Content(depth: depth, words: words))
    }

    @Test("a thread of which the loop's frames changed went on to another job")
    func frames() {
        #expect(running([1, 3]).shows(anotherJobThan: running([1, 2])))
        #expect(!running([1, 2]).shows(anotherJobThan: running([1, 2])))
        // Of different frames: what the innermost left behind may have stood there for a while.
        #expect(!running([2], depth: 1).shows(anotherJobThan: running([1, 2])))
    }

    @Test("one that went to its wait ended a job, and one that left it began one")
    func waits() {
        #expect(State.waiting.shows(anotherJobThan: running([1, 2])))
        #expect(running([1, 2]).shows(anotherJobThan: .waiting))
        #expect(!State.waiting.shows(anotherJobThan: .waiting))
        // It may not have come to a job, or come from one.
        #expect(!running([2], depth: 1).shows(anotherJobThan: .waiting))
        #expect(!State.waiting.shows(anotherJobThan: running([2], depth: 1)))
    }
}
