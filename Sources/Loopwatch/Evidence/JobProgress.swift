// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// Whether a thread goes on from one job to the next while a beat waits, by the frames of its loop.
struct JobProgress: Sendable {
    private var frames: LoopFrames?
    /// What the thread was at when it was looked at before, while the same beat was out.
    private var state: State?

    /// What a thread is at.
    enum State: Sendable, Equatable {
        /// It waits for work.
        case waiting
        /// What its loop's frames hold.
        case running(LoopFrames.Content)

        /// Whether a job ended or began between two looks at a thread.
        func shows(anotherJobThan before: State) -> Bool {
            switch (before, self) {
            case (.waiting, .waiting): false
            case (.running(let before), .running(let now)): before.depth == now.depth && before.words != now.words
            // In none of its frames a thread may be at anything, or just on its way from its wait or to it.
            case (.waiting, .running(let content)), (.running(let content), .waiting): content.depth == 0
            }
        }
    }

    /// Whether no beat has noted the thread's frames yet.
    var lacksFrames: Bool { frames == nil }

    /// Takes the frames that a beat noted on the thread; the first ones are kept.
    mutating func take(_ noted: LoopFrames?) { frames = frames ?? noted }

    /// A beat was answered: what comes now is to be compared with what comes after it.
    mutating func beatAnswered() { state = nil }

    /// Whether the thread went on to another job since the look before.
    ///
    /// - Parameter isWaiting: whether it is proved to wait for work.
    mutating func hasAdvanced(isWaiting: Bool = false) -> Bool {
        guard let frames else { return false }
        let before = state
        state = isWaiting ? .waiting : frames.content().map(State.running)
        guard let before, let state else { return false }
        return state.shows(anotherJobThan: before)
    }
}
