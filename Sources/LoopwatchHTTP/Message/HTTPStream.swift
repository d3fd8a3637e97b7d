// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// A body that goes on; called on the server's thread only.
///
/// It is asked when it starts, when ``HTTPServer/wakeStreams()`` was called, when its own deadline passed, and once more
/// when the server stops. When it was offered less than half of the buffer, or gave more than that, it is also asked
/// when all of it is written. A stream that has more, in small pieces, gives the present as its next deadline.
package protocol HTTPStream: AnyObject, Sendable {
    /// Gives the next bytes.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - capacityBytes: how much may be given; a stream that gives more is cut off.
    func next(at now: MonotonicInstant, capacityBytes: Int) -> HTTPStreamChunk

    /// Tells that the client took nothing for so long that it is cut off; called at most once, and nothing after it.
    func clientFellBehind()
}

extension HTTPStream {
    /// Does nothing.
    package func clientFellBehind() {}
}

/// What a stream gives when it is asked.
package struct HTTPStreamChunk: Sendable, Equatable {
    /// Bytes to append; may be empty.
    package var bytes: [UInt8]
    /// Whether these are the last.
    package var isOver: Bool
    /// When to ask again at the latest, for a heartbeat; `nil` for not before there is something to tell.
    package var nextDeadline: MonotonicInstant?

    /// Creates a chunk.
    package init(bytes: [UInt8], isOver: Bool = false, nextDeadline: MonotonicInstant? = nil) {
        self.bytes = bytes
        self.isOver = isOver
        self.nextDeadline = nextDeadline
    }
}
