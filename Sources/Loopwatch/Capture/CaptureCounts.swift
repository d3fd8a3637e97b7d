// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform
internal import Synchronization

/// What captures and the search for names came to, over both threads that do them; readable from any thread.
final class CaptureCounts: Sendable {
    /// The counts of one thread.
    struct Counts: Sendable {
        /// Stacks read from threads that slept, and copied by threads that ran.
        var passive = 0
        var signalled = 0
        /// Stacks that were not to be had, by reason.
        var omitted: [String: Int] = [:]
    }

    private struct Storage {
        var watchdog = Counts()
        var desk = Counts()
        var symbols = Symbolizer.Statistics()
    }

    private let storage = Mutex(Storage())

    /// What the watchdog's captures came to so far.
    func noteWatchdog(_ counts: Counts) { storage.withLock { $0.watchdog = counts } }

    /// What the desk's captures came to so far.
    func noteDesk(_ counts: Counts) { storage.withLock { $0.desk = counts } }

    /// What the search for names came to so far.
    func noteSymbols(_ statistics: Symbolizer.Statistics) { storage.withLock { $0.symbols = statistics } }

    /// All counts so far.
    var total: Counts {
        storage.withLock { storage in
            Counts(
                passive: storage.watchdog.passive + storage.desk.passive,
                signalled: storage.watchdog.signalled + storage.desk.signalled,
                omitted: storage.watchdog.omitted.merging(storage.desk.omitted) { $0 + $1 }
            )
        }
    }

    /// What the search for names came to.
    var symbols: Symbolizer.Statistics { storage.withLock { $0.symbols } }
}

extension CaptureOmission {
    /// The bounded label value.
    var label: String {
        switch self {
        case .switchedOff: "switched_off"
        case .threadUnknown: "thread_unknown"
        case .threadGone: "thread_gone"
        case .moved: "moved"
        case .signallingSwitchedOff, .handlerTaken, .signalBlocked, .tooManyWatches, .refused: "signal"
        case .notDelivered: "not_delivered"
        case .notReadable: "unreadable"
        }
    }
}
