// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What is known of the processes of the machine, so that one that starts does not have all others read anew.
///
/// On a machine on which something starts every second, reading all of them took more than watching one.
struct KnownProcesses {
    /// Age up to which a process is read at each look, in nanoseconds: it may be about to become another program.
    static let youngNanoseconds: Int64 = 3_000_000_000

    private var known: [Int32: (entry: ProcessEntry, since: MonotonicInstant)] = [:]
    private let read: (Int32) -> ProcessEntry?

    /// Creates an empty list.
    ///
    /// - Parameter read: reads of one process, `nil` if there is none.
    init(read: @escaping (Int32) -> ProcessEntry?) { self.read = read }

    /// Brings the list up to date, and returns it.
    ///
    /// - Parameters:
    ///   - present: the processes that there are now.
    ///   - isWhole: whether all of them are to be read: one may have become another program at any time.
    mutating func update(_ present: [Int32], isWhole: Bool, now: MonotonicInstant) -> [ProcessEntry] {
        var next: [Int32: (entry: ProcessEntry, since: MonotonicInstant)] = [:]
        next.reserveCapacity(present.count)
        for identifier in present {
            let before = known[identifier]
            if let before, !isWhole, now.nanoseconds(since: before.since) > Self.youngNanoseconds {
                next[identifier] = before
            } else if let entry = read(identifier) {
                let isSame = before?.entry.startTicks == entry.startTicks
                next[identifier] = (entry, isSame ? before?.since ?? now : now)
            }
        }
        known = next
        return present.compactMap { next[$0]?.entry }
    }
}
