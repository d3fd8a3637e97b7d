// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Puts the frames of an interpreter where they belong among the native frames: in place of its evaluation loop's.
enum StackInterleaving {
    /// What a native frame is to an interpreter.
    enum Role: Equatable {
        /// Nothing.
        case other
        /// The evaluation loop.
        case loop
        /// Other code of the interpreter.
        case interpreter
    }

    /// A native frame and what it is.
    struct Native {
        var frame: NamedFrame
        var raw: RawFrame
        var role: Role
    }

    /// What comes of it: frames, each with the native frame that it was, or a made-up one.
    typealias Placed = (frame: NamedFrame, raw: RawFrame)

    /// Puts frames together.
    ///
    /// - Parameters:
    ///   - native: the native frames, innermost first.
    ///   - isTruncated: whether the outermost of them are missing.
    ///   - calls: the interpreter's frames that each call of its loop runs, innermost first.
    /// - Returns: all native frames within the innermost call, then the interpreter's; between them and outside only native
    ///   frames that are not the interpreter's own. Where there are more or fewer calls than loops, the interpreter's frames
    ///   stand together.
    static func place(native: [Native], isTruncated: Bool, calls: [[NamedFrame]]) -> [Placed] {
        func placed(_ call: [NamedFrame]) -> [Placed] {
            call.map { ($0, RawFrame(address: $0.frame.address, isReturnAddress: false)) }
        }
        let loops = native.indices.filter { native[$0].role == .loop }
        guard let first = loops.first else {
            // Nothing says where they belong but that what is native is inside.
            return native.map { ($0.frame, $0.raw) } + calls.flatMap(placed)
        }
        var result: [Placed] = native[..<first].map { ($0.frame, $0.raw) }
        guard loops.count == calls.count || isTruncated && loops.count < calls.count else {
            result += calls.flatMap(placed)
            result += native[loops[loops.count - 1]...].filter { $0.role == .other }.map { ($0.frame, $0.raw) }
            return result
        }
        for (index, loop) in loops.enumerated() {
            result += placed(calls[index])
            let end = index + 1 < loops.count ? loops[index + 1] : native.count
            result += native[loop..<end].filter { $0.role == .other }.map { ($0.frame, $0.raw) }
        }
        return result + calls.dropFirst(loops.count).flatMap(placed)
    }
}
