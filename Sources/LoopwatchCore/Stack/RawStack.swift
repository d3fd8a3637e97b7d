// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One frame of a captured stack, before it has a name.
public struct RawFrame: Sendable, Hashable {
    /// How the frame is related to the one before it.
    public enum Link: Sendable, Hashable {
        /// It called it, and is on the same stack.
        case call
        /// It awaits it: an asynchronous caller, found in the task and not on the stack.
        case asynchronous
    }

    /// The program counter of the innermost frame; the return address, or the resume function, of every other.
    public var address: UInt64
    /// Whether the address is one past a call: the code that is meant lies before it.
    public var isReturnAddress: Bool
    /// How the frame is related to the one before it.
    public var link: Link
    /// Whether the frame was found by evidence that is weaker than a proof.
    public var isUncertain: Bool

    /// Creates a frame.
    public init(address: UInt64, isReturnAddress: Bool, link: Link = .call, isUncertain: Bool = false) {
        self.address = address
        self.isReturnAddress = isReturnAddress
        self.link = link
        self.isUncertain = isUncertain
    }
}

/// A captured stack, innermost frame first, before its frames have names.
public struct RawStack: Sendable, Hashable {
    /// The frames, innermost first.
    public var frames: [RawFrame]
    /// Whether the outermost frames are missing.
    public var isTruncated: Bool

    /// Creates a stack.
    public init(frames: [RawFrame], isTruncated: Bool) {
        self.frames = frames
        self.isTruncated = isTruncated
    }
}
