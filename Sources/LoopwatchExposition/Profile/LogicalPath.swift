// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The frames of a stack as the profile's pictures show them: who called whom, and not how the runtime got there.
///
/// A thread that runs an asynchronous function has two stacks: the physical one, whose base is the thread's own start,
/// the worker of a pool and the runtime's job function, the same for every job; and the chain of functions that await,
/// which is what the reader wants to see below. So where there are asynchronous callers, the physical frames outside of
/// the job function are left out, it as well, and the chain takes their place: outermost the first asynchronous caller,
/// then the physical frames of the job, innermost last. A stack without asynchronous callers is shown whole. The full
/// stack, in the order in which it was found, is in the JSON forms.
enum LogicalPath {
    /// The frames of a stack without those of the runtime below an asynchronous function, innermost first.
    static func frames(of stack: Stack) -> [StackFrame] {
        let frames = stack.frames.prefix(Limits.framesInStack)
        guard let firstAwaiting = frames.firstIndex(where: { $0.link == .asynchronous }) else { return Array(frames) }
        var physical = frames[..<firstAwaiting]
        if let job = physical.firstIndex(where: isJobFunction) { physical = physical[..<job] }
        while let last = physical.last, last.origin != .host { physical.removeLast() }
        // A job without a frame of the host's, such as one of Foundation: what it does is all there is to see.
        if physical.isEmpty { physical = frames[..<firstAwaiting] }
        return Array(physical + frames[firstAwaiting...])
    }

    /// Whether a frame is the runtime's function that runs one job, as its symbols are called.
    private static func isJobFunction(_ frame: StackFrame) -> Bool {
        frame.origin == .runtime
            && (frame.function.contains("swift_job_run")
                || frame.function.contains("runJobInEstablishedExecutorContext"))
    }
}

/// Names of what a profile's pictures show besides frames.
enum ProfileName {
    /// Blocked time whose stack could not be had.
    static let withoutStack = "(no stack)"
    /// Blocked time of stacks that the profile has forgotten.
    static let forgotten = "(forgotten stacks)"
    /// Blocked time of stacks that were left out because the answer would be too long.
    static let leftOut = "(stacks left out)"
    /// Targets beyond those that are told apart in one group.
    static let otherTargets = "(other targets)"
    /// Stands in place of frames where a stack has none.
    static let noFrames = "(no frames)"

    /// Stands in place of an empty name.
    static let noName = "(no name)"

    /// A frame's name, never empty and never too long.
    static func of(_ frame: StackFrame) -> String {
        frame.function.isEmpty ? noName : frame.function.clipped(toBytes: Limits.nameBytesInStack)
    }
}
