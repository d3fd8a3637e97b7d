// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Measures blocks from within, and tells at any moment whether one is going on.
public final class BlockMonitor: Sendable {
    /// What a pool is called here, whatever its name as a target.
    public static let pool = "pool"

    private struct Storage {
        var inProgress: [String: Int] = [:]
        var latest: BlockRecord?
    }

    private let storage = Mutex(Storage())

    /// Creates a monitor of no block.
    public init() {}

    /// Whether the target is being blocked right now.
    public func isBlocked(_ target: String) -> Bool {
        storage.withLock { $0.inProgress[target, default: 0] > 0 }
    }

    /// The block that ended last.
    public var latest: BlockRecord? { storage.withLock { $0.latest } }

    /// Runs what blocks the target, and measures it.
    public func measure(_ target: String, _ body: () -> Void) -> BlockRecord {
        begin(target)
        let start = SuspendingClock.now
        body()
        return end(target, lasted: SuspendingClock.now - start)
    }

    /// Notes that something blocks the target from now on.
    public func begin(_ target: String) {
        storage.withLock { $0.inProgress[target, default: 0] += 1 }
    }

    /// Notes that it does so no more.
    @discardableResult
    public func end(_ target: String, lasted duration: Duration) -> BlockRecord {
        let record = BlockRecord(target: target, nanoseconds: duration.wholeNanoseconds)
        storage.withLock {
            $0.inProgress[target, default: 0] -= 1
            $0.latest = record
        }
        return record
    }
}

extension Duration {
    /// The length in nanoseconds.
    var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
