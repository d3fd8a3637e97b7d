// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What a connection knows of the stream that it writes.
struct HTTPStreamState: Sendable, Equatable {
    /// How the pieces are framed.
    var framing = HTTPResponseEncoder.Framing.untilClose
    /// Whether the stream is to be asked as soon as there is room.
    var isDue = false
    /// When it is to be asked at the latest.
    var nextDeadline: MonotonicInstant?
    /// Whether it may have been short of room, and is to be asked again when what it gave is written.
    var isShortOfRoom = false
    /// Whether it has given its last bytes.
    var isOver = false
    /// Whether it gave more than there was room for.
    var isOverfull = false
    /// When the client last took a byte, or was last given the first one to take.
    var progressedAt = MonotonicInstant(nanoseconds: 0)
}

extension HTTPConnectionState {
    /// There may be something new to stream.
    mutating func streamWoken() {
        stream.isDue = true
    }

    /// How many bytes a stream may give now.
    private var streamCapacity: Int { max(0, limits.streamBufferBytes - output.count) }

    /// When a stream must be looked at again.
    var streamDeadline: MonotonicInstant? {
        let question = stream.isOver || streamCapacity == 0 ? nil : stream.nextDeadline
        return earlier(earlier(question, progressDeadline), stopDeadline)
    }

    /// When a client that takes nothing is cut off; none while there is nothing to take.
    private var progressDeadline: MonotonicInstant? {
        output.isEmpty ? nil : stream.progressedAt.advanced(by: limits.streamProgressDeadline)
    }

    /// Begins a body that goes on; it is the last answer of the connection.
    mutating func beginStream(_ response: HTTPResponse, at now: MonotonicInstant) {
        stream = HTTPStreamState()
        stream.framing = admission?.isVersion11 == true ? .chunked : .untilClose
        output.append(HTTPResponseEncoder.head(of: response, framing: stream.framing, persistence: .closed))
        stream.progressedAt = now
        if parser.isHeadMethod {
            phase = .answering(keepsAlive: false)
            setDeadline(after: limits.answerDeadline, at: now)
        } else {
            phase = .streaming
            stream.isDue = true
        }
    }

    /// Decides what is next for a stream.
    mutating func nextStepStreaming(at now: MonotonicInstant) -> Step {
        if hasEnded { return close() }
        if stream.isOver, output.isEmpty { return linger(at: now) }
        if stream.isOverfull || progressDeadline.map({ now >= $0 }) == true {
            phase = .closed
            return .cutOffStream
        }
        if let stopDeadline, now >= stopDeadline { return close() }
        if let question = stream.nextDeadline, now >= question { stream.isDue = true }
        if stream.isDue, !stream.isOver, streamCapacity > 0 {
            return .askStream(capacityBytes: streamCapacity)
        }
        return output.isEmpty || isWriteBlocked ? .wait : .write
    }

    /// Appends what the stream gave.
    mutating func append(_ chunk: HTTPStreamChunk, at now: MonotonicInstant) {
        guard chunk.bytes.count <= streamCapacity else {
            // Without the rest the client would read garbage, so it had better see that the stream broke.
            stream.isOverfull = true
            return
        }
        // Not after every piece: a stream that gives a heartbeat whenever it is asked would never come to rest.
        let half = limits.streamBufferBytes / 2
        stream.isShortOfRoom = streamCapacity < half || chunk.bytes.count > half
        if output.isEmpty { stream.progressedAt = now }
        output.append(HTTPResponseEncoder.piece(chunk.bytes, framing: stream.framing))
        stream.isDue = false
        stream.nextDeadline = chunk.nextDeadline
        if chunk.bytes.isEmpty, let next = chunk.nextDeadline {
            stream.nextDeadline = max(next, now.advanced(by: limits.streamPauseMinimum))
        }
        if chunk.isOver || stopDeadline != nil {
            stream.isOver = true
            output.append(HTTPResponseEncoder.end(framing: stream.framing))
        }
    }
}
