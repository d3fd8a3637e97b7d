// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform
internal import Synchronization

/// One client that follows warnings: reads from the ring at its own pace, so that a slow one holds up nobody.
final class WarningFollower: HTTPStream {
    private struct Storage {
        var sequence: UInt64
        var hasStarted = false
        var heartbeat: MonotonicInstant?
    }

    private let query: WarningsQuery
    private let ring: WarningRing
    private let writer: WarningJSONWriter
    private let lifetime: WatchLifetime
    private let storage: Mutex<Storage>

    /// Time between signs of life, in nanoseconds.
    private static let heartbeatNanoseconds: Int64 = 15_000_000_000
    /// More than any single warning and what is told before it take, in bytes; with less room the next one waits.
    private static let bytesOfOne = Limits.stackBytesInReport + 48 * 1_024

    init(
        query: WarningsQuery,
        from sequence: UInt64,
        ring: WarningRing,
        writer: WarningJSONWriter,
        lifetime: WatchLifetime
    ) {
        self.query = query
        self.ring = ring
        self.writer = writer
        self.lifetime = lifetime
        storage = Mutex(Storage(sequence: sequence))
    }

    func next(at now: MonotonicInstant, capacityBytes: Int) -> HTTPStreamChunk {
        // Whatever it is, it has to wait until the client takes what it has; so all that it misses until then is one
        // gap, and not one for each warning.
        guard capacityBytes >= Self.bytesOfOne else { return HTTPStreamChunk(bytes: []) }
        return storage.withLock { storage in
            var bytes: [UInt8] = []
            if !storage.hasStarted {
                storage.hasStarted = true
                if query.form == .sse { ServerSentEventWriter(json: writer).writeStart(into: &bytes) }
            }
            let excerpt = ring.reports(after: storage.sequence, limit: Limits.warningsKept, fromOldest: true)
            if excerpt.oldest > storage.sequence + 1, !excerpt.reports.isEmpty {
                write(.gap(missed: excerpt.oldest - storage.sequence - 1), into: &bytes)
                storage.sequence = excerpt.oldest - 1
            }
            var hasMore = false
            for report in excerpt.reports {
                guard bytes.count + Self.bytesOfOne <= capacityBytes else {
                    hasMore = true
                    break
                }
                storage.sequence = report.sequence
                if query.includes(report) { write(report, into: &bytes) }
            }
            if hasMore { return HTTPStreamChunk(bytes: bytes, nextDeadline: now) }
            if lifetime.isStopping {
                write(.end, into: &bytes)
                return HTTPStreamChunk(bytes: bytes, isOver: true)
            }
            if let heartbeat = storage.heartbeat, now >= heartbeat, bytes.isEmpty {
                write(.heartbeat(unixNanoseconds: Clock.unixNanoseconds()), into: &bytes)
            }
            if !bytes.isEmpty || storage.heartbeat == nil {
                storage.heartbeat = now.advanced(byNanoseconds: Self.heartbeatNanoseconds)
            }
            return HTTPStreamChunk(bytes: bytes, nextDeadline: storage.heartbeat)
        }
    }

    private func write(_ report: StallReport, into bytes: inout [UInt8]) {
        switch query.form {
        case .sse: ServerSentEventWriter(json: writer).write(report, into: &bytes)
        case .text: WarningLineWriter.write(report, into: &bytes)
        case .json, .ndjson: writer.writeLine(report, into: &bytes)
        }
    }

    private func write(_ event: WarningStreamEvent, into bytes: inout [UInt8]) {
        switch query.form {
        case .sse: ServerSentEventWriter(json: writer).write(event, into: &bytes)
        // Lines of the log have no form for what is not a warning.
        case .text: break
        case .json, .ndjson: writer.writeLine(event, into: &bytes)
        }
    }
}
