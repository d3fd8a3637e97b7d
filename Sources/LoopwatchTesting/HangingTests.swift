// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import Synchronization

/// Tells of blocks that do not end: a test that hangs is never told that it failed.
final class HangingTests: Sendable {
    private struct Storage {
        var checks: [ObjectIdentifier: StallCheck] = [:]
        var episodes: [UInt64: StallEpisode] = [:]
    }

    private let storage = Mutex(Storage())

    /// From which length on a block is told of while it goes on, in nanoseconds.
    private static let nanosecondsLeast: Int64 = 5_000_000_000

    func begin(_ check: StallCheck) { storage.withLock { $0.checks[ObjectIdentifier(check)] = check } }

    func end(_ check: StallCheck) { storage.withLock { $0.checks[ObjectIdentifier(check)] = nil } }

    /// Takes a report, on the watch's thread.
    func heard(_ report: StallReport) {
        guard report.kind == .stall || report.kind == .hold else { return }
        let lines = storage.withLock { storage -> [String] in
            storage.episodes[report.stall, default: StallEpisode(report)].add(report)
            guard let episode = storage.episodes[report.stall] else { return [] }
            if report.state == .ended { storage.episodes[report.stall] = nil }
            guard report.state == .ongoing, report.durationNanoseconds >= Self.nanosecondsLeast else { return [] }
            return storage.checks.values.compactMap { check in
                check.sentence(of: episode).map { "\(check.place.text): expectNoStall: \($0)" }
            }
        }
        for line in lines { TestFramework.write(line) }
    }
}
