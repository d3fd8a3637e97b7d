// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The watches of this process: one for each threshold, kept from test to test.
enum TestWatches {
    private struct Entry {
        var watch: TestWatch
        var users = 0
        var used: UInt64 = 0
    }

    private struct Storage {
        var entries: [Int64: Entry] = [:]
        var uses: UInt64 = 0
    }

    private static let storage = Mutex(Storage())

    /// Thresholds for which a watch is kept; of more, the one that was not used for longest is stopped.
    private static let watchesMost = 4

    /// The watch for a threshold; give it back by ``giveBack(_:)``.
    static func watch(threshold: Duration) throws(ConfigurationError) -> TestWatch {
        let key = threshold.wholeNanoseconds
        let known = storage.withLock { storage in take(key, from: &storage) }
        if let known { return known }
        let made = try TestWatch(threshold: threshold)
        // Another test may have been first.
        let (watch, idle) = storage.withLock { storage -> (TestWatch, TestWatch?) in
            if let known = take(key, from: &storage) { return (known, made) }
            storage.entries[key] = Entry(watch: made)
            _ = take(key, from: &storage)
            guard storage.entries.count > watchesMost,
                let oldest = storage.entries.filter({ $0.value.users == 0 }).min(by: { $0.value.used < $1.value.used })
            else { return (made, nil) }
            storage.entries[oldest.key] = nil
            return (made, oldest.value.watch)
        }
        idle?.watch.stop()
        return watch
    }

    /// Says that a watch is not used any more.
    static func giveBack(_ watch: TestWatch) {
        let key = watch.threshold.wholeNanoseconds
        storage.withLock { $0.entries[key]?.users -= 1 }
    }

    private static func take(_ key: Int64, from storage: inout Storage) -> TestWatch? {
        guard storage.entries[key] != nil else { return nil }
        storage.uses += 1
        storage.entries[key]!.users += 1
        storage.entries[key]!.used = storage.uses
        return storage.entries[key]!.watch
    }
}
