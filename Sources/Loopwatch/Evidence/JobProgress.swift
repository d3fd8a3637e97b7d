// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// Whether a thread goes on from one job to the next while a beat waits, by the frames of its loop.
struct JobProgress: Sendable {
    private var frames: LoopFrames?
    /// What the frames held at the look before, while the same beat was out.
    private var content: LoopFrames.Content?

    /// Whether no beat has noted the thread's frames yet.
    var lacksFrames: Bool { frames == nil }

    /// Takes the frames that a beat noted on the thread; the first ones are kept.
    mutating func take(_ noted: LoopFrames?) { frames = frames ?? noted }

    /// A beat was answered: what comes now is to be compared with what comes after it.
    mutating func beatAnswered() { content = nil }

    /// Whether the thread went on to another job since the look before.
    mutating func hasAdvanced() -> Bool {
        guard let frames else { return false }
        let before = content
        content = frames.content()
        guard let before, let content, before.depth == content.depth else { return false }
        return before.words != content.words
    }
}
