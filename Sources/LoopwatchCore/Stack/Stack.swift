// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a blocked thread was doing: its frames, innermost first, and after them its asynchronous callers.
public struct Stack: Sendable, Hashable {
    /// The frames, innermost first.
    public var frames: [StackFrame]
    /// Whether the outermost frames are missing.
    public var isTruncated: Bool

    /// Creates a stack.
    public init(frames: [StackFrame], isTruncated: Bool = false) {
        self.frames = frames
        self.isTruncated = isTruncated
    }

    /// Position of the frame to blame: the innermost that is the host's own code; `nil` where there is none.
    public var blamedIndex: Int? { frames.firstIndex { $0.origin == .host } }

    /// The frame to blame; where nothing is the host's, the innermost of a package that it uses, or else that has a name.
    public var blamed: StackFrame? {
        blamedIndex.map { frames[$0] } ?? frames.first { $0.origin == .library }
            ?? frames.first { $0.origin != .unknown } ?? frames.first
    }

    /// The host's frames that called the one to blame, nearest first.
    public var callers: [StackFrame] {
        guard let blamedIndex else { return [] }
        return frames[(blamedIndex + 1)...].filter { $0.origin == .host }
    }

    /// A number that is the same for two stacks through the same functions.
    ///
    /// It does not matter where their binaries were loaded, which lines they were at and how deep they recursed. FNV-1a, 64
    /// bits (Fowler, Noll, Vo), over module and function of each frame. Inlined functions are left out: they are not known of a stack that was named in a hurry.
    public var fingerprint: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ text: some Sequence<UInt8>) {
            for byte in text {
                hash ^= UInt64(byte)
                hash = hash &* 0x100_0000_01b3
            }
        }
        var before: StackFrame?
        for (index, frame) in frames.enumerated() {
            // What a frame was inlined into follows it.
            if index + 1 < frames.count, frames[index + 1].link == .inlined { continue }
            let isAsynchronous = frame.link == .asynchronous
            if let before, before.function == frame.function, before.module == frame.module,
                (before.link == .asynchronous) == isAsynchronous
            {
                continue
            }
            before = frame
            add(frame.module.utf8)
            add(CollectionOfOne(0))
            add(frame.function.utf8)
            add(CollectionOfOne(isAsynchronous ? 2 : 1))
        }
        return hash
    }
}
