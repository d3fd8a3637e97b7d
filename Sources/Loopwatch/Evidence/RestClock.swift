// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Tells whether any thread of the process has run since the watchdog looked: by few clocks, however many targets wait.
///
/// Belongs to the watchdog's thread.
struct RestClock {
    /// A time in which no thread of the process ran but the watchdog.
    struct Rest: Sendable {
        var since: MonotonicInstant
        /// A thread that began to run after this is not counted yet.
        var until: MonotonicInstant
    }

    /// For fewer targets their own clocks cost as little.
    private static let targetsLeast = 4
    /// Where reading the clocks costs more than those of the targets, because the kernel adds up very many threads, it is
    /// tried again after so many passes.
    private static let passesSkipped = 1_000
    /// So many of them in a row: one may have been disturbed.
    private static let costlyPassesMost = 5

    private var proof = ProcessRest()
    private var costlyPasses = 0
    private var passesToSkip = 0
    /// `nil` where CPU time of a thread that runs is not brought up to date in time.
    private let tickNanoseconds: Int64?

    init() {
        // On such processors the kernel need not tick while a thread runs (nohz_full=, kernel-parameters.txt).
        let tickless = WholeFile.bytes(at: "/sys/devices/system/cpu/nohz_full", atMost: 4_096)
        let hasTicks = tickless.allSatisfy { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        tickNanoseconds = hasTicks ? Clock.tickNanoseconds() : nil
    }

    /// Whether no other thread has run since the latest reading, by two clocks that are read once: for a watchdog that wakes for
    /// nothing else.
    ///
    /// - Parameter now: when the pass began.
    mutating func confirm(at now: MonotonicInstant) -> Rest? {
        guard passesToSkip == 0, let tickNanoseconds, let own = Clock.ownCPUNanoseconds(),
            let process = Clock.processCPUNanoseconds(), let since = proof.confirm(own: own, process: process)
        else { return nil }
        return Rest(since: since, until: now.advanced(byNanoseconds: -tickNanoseconds))
    }

    /// Reads the clocks.
    ///
    /// - Parameters:
    ///   - ownNanoseconds: CPU time of the watchdog's thread, read just before.
    ///   - targets: how many targets there are.
    ///   - now: when the pass began.
    /// - Returns: the time in which no other thread has run, `nil` if that is not known.
    mutating func read(ownNanoseconds first: Int64, targets: Int, at now: MonotonicInstant) -> Rest? {
        guard targets >= Self.targetsLeast, let tickNanoseconds else { return nil }
        guard passesToSkip == 0 else {
            passesToSkip -= 1
            return nil
        }
        guard let second = Clock.ownCPUNanoseconds() else { return nil }
        let began = Clock.now()
        guard let process = Clock.processCPUNanoseconds() else { return nil }
        let isCostly = Clock.now().nanoseconds(since: began) > Int64(targets) * (second - first)
        costlyPasses = isCostly ? costlyPasses + 1 : 0
        if costlyPasses >= Self.costlyPassesMost { (costlyPasses, passesToSkip) = (0, Self.passesSkipped) }
        let since = proof.read(own: (first, second), process: process, at: now) { Clock.ownCPUNanoseconds() }
        guard let since else { return nil }
        return Rest(since: since, until: now.advanced(byNanoseconds: -tickNanoseconds))
    }
}
