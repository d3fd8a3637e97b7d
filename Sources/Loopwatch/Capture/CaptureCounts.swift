// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// What captures and the search for names came to, over both threads that do them; readable from any thread.
final class CaptureCounts: Sendable {
    private struct Storage {
        var watchdog = CaptureSnapshot()
        var desk = CaptureSnapshot()
        var symbolizingNanoseconds: Int64 = 0
    }

    private let storage = Mutex(Storage())

    /// What the watchdog's captures came to so far.
    func noteWatchdog(_ counts: CaptureSnapshot) { storage.withLock { $0.watchdog = counts } }

    /// What the desk's captures came to so far.
    func noteDesk(_ counts: CaptureSnapshot) { storage.withLock { $0.desk = counts } }

    /// What the search for names cost so far.
    func noteSymbols(_ statistics: Symbolizer.Statistics) {
        storage.withLock { $0.symbolizingNanoseconds = statistics.nanoseconds }
    }

    /// All counts so far.
    var snapshot: CaptureSnapshot {
        storage.withLock { storage in
            var total = storage.watchdog
            total.passive += storage.desk.passive
            total.signalled += storage.desk.signalled
            for index in total.discarded.indices { total.discarded[index] += storage.desk.discarded[index] }
            for index in total.omitted.indices { total.omitted[index] += storage.desk.omitted[index] }
            total.symbolizingNanoseconds = storage.symbolizingNanoseconds
            return total
        }
    }
}

extension CaptureSnapshot {
    /// Counts a capture that came to nothing.
    mutating func count(_ omission: CaptureOmission) {
        let reason: OmissionReason
        switch omission {
        case .moved:
            discarded[DiscardReason.moved.rawValue] += 1
            return
        case .switchedOff: reason = .switchedOff
        case .threadUnknown: reason = .threadUnknown
        case .threadGone: reason = .threadGone
        case .signallingSwitchedOff, .handlerTaken, .signalBlocked, .tooManyWatches, .refused: reason = .signal
        case .tooManyBlocks: reason = .limit
        case .notDelivered: reason = .notDelivered
        case .notReadable: reason = .unreadable
        }
        omitted[reason.rawValue] += 1
    }
}
