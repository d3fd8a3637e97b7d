// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Tells whether any thread of the process has run since the watchdog looked: three clocks, however many targets wait.
///
/// Belongs to the watchdog's thread.
struct RestClock {
    /// A time in which no thread of the process ran but the watchdog.
    struct Rest {
        var since: MonotonicInstant
        /// A thread that began to run after this is not counted yet.
        var until: MonotonicInstant
    }

    /// For fewer targets their own clocks cost as little.
    static let targetsLeast = 4

    private var proof = ProcessRest()
    /// `nil` where CPU time of a thread that runs is not brought up to date in time.
    private let tickNanoseconds: Int64?

    init() {
        // On such processors the kernel need not tick while a thread runs (nohz_full=, kernel-parameters.txt).
        let tickless = WholeFile.bytes(at: "/sys/devices/system/cpu/nohz_full", atMost: 4_096)
        let hasTicks = tickless.allSatisfy { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        tickNanoseconds = hasTicks ? Clock.tickNanoseconds() : nil
    }

    /// Reads the clocks.
    ///
    /// - Parameter now: when the pass began.
    /// - Returns: the time in which no other thread has run, `nil` if that is not known.
    mutating func read(at now: MonotonicInstant) -> Rest? {
        guard let tickNanoseconds, let before = Clock.ownCPUNanoseconds(), let process = Clock.processCPUNanoseconds(),
            let after = Clock.ownCPUNanoseconds(),
            let since = proof.read(ownBefore: before, process: process, ownAfter: after, at: now)
        else { return nil }
        return Rest(since: since, until: now.advanced(byNanoseconds: -tickNanoseconds))
    }
}
