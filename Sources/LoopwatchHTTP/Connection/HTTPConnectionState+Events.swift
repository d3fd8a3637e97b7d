// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

// What happens to a connection, and what it waits for.
extension HTTPConnectionState {
    /// Whether bytes of the client can be taken now; while a request is answered, the next one has to wait.
    var wantsReading: Bool {
        guard !hasEnded else { return false }
        return switch phase {
        case .readingHead: input.isEmpty
        case .streaming, .lingering: true
        case .responding, .answering, .closed: false
        }
    }

    /// Whether there is something to write that the kernel did not take.
    var wantsWriting: Bool { isWriteBlocked && !output.isEmpty }

    /// Whether nothing is lost when the connection is closed: it waits for another request, none of which has come.
    var isIdle: Bool {
        phase == .readingHead && requestsBegun > 0 && !parser.hasBegun && input.isEmpty
    }

    /// When the connection must be looked at again, whatever happens.
    var nextDeadline: MonotonicInstant? {
        switch phase {
        case .responding, .closed: nil
        case .readingHead, .answering, .lingering: deadline
        case .streaming: streamDeadline
        }
    }

    /// Bytes came.
    mutating func received(_ bytes: ArraySlice<UInt8>, at now: MonotonicInstant) {
        switch phase {
        case .readingHead:
            input.append(contentsOf: bytes)
            if !headDeadlineRuns {
                headDeadlineRuns = true
                setDeadline(after: limits.headDeadline, at: now)
            }
        case .lingering:
            lingeredBytes += bytes.count
        case .responding, .answering, .streaming, .closed:
            // A stream is the last answer of its connection, so nothing that comes matters.
            break
        }
    }

    /// The client sends nothing more.
    mutating func receivedEnd() {
        hasEnded = true
    }

    /// Pending bytes were written.
    mutating func wrote(_ count: Int, at now: MonotonicInstant) {
        output.removeFirst(count)
        isWriteBlocked = false
        guard phase == .streaming, count > 0 else { return }
        stream.progressedAt = now
        if output.isEmpty, stream.isShortOfRoom { stream.isDue = true }
    }

    /// The kernel took no byte.
    mutating func writeBlocked() {
        isWriteBlocked = true
    }

    /// The kernel takes bytes again.
    mutating func becameWritable() {
        isWriteBlocked = false
    }

    /// The connection broke.
    mutating func failed() {
        phase = .closed
    }

    /// The server stops: answers and the ends of streams get out until the deadline, and nothing else begins.
    mutating func stop(until deadline: MonotonicInstant) {
        stopDeadline = deadline
        self.deadline = min(self.deadline, deadline)
        stream.isDue = true
        if phase == .readingHead { phase = .closed }
    }
}
