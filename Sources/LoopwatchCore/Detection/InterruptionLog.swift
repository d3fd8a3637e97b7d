// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A time in which the watchdog itself did not run, and so, as far as it can tell, nothing did.
public struct Interruption: Sendable, Equatable {
    /// Why the watchdog did not run.
    public enum Kind: Sendable, Equatable {
        /// The process or the machine stood still: a stop signal, a suspended machine, a debugger.
        case suspended
        /// The watchdog was ready, and the kernel ran something else.
        case starved
    }

    /// When the watchdog should have run.
    public var from: MonotonicInstant
    /// When it ran.
    public var to: MonotonicInstant
    /// Why.
    public var kind: Kind
    /// Whether the CPU quota of its control group kept the process from running.
    public var isThrottled: Bool

    /// Creates an interruption.
    public init(from: MonotonicInstant, to: MonotonicInstant, kind: Kind, isThrottled: Bool = false) {
        self.from = from
        self.to = to
        self.kind = kind
        self.isThrottled = isThrottled
    }

    /// The cause that is reported.
    public var cause: Cause {
        switch kind {
        case .suspended: .suspended
        case .starved: isThrottled ? .throttled : .runqueue
        }
    }

    /// Its length in nanoseconds.
    public var nanoseconds: Int64 { to.nanoseconds(since: from) }

    /// Decides why the watchdog woke late.
    ///
    /// - Parameters:
    ///   - lateNanoseconds: how late it was.
    ///   - runDelayNanoseconds: how much longer than before the watchdog's thread has waited for a CPU
    ///     (`/proc/thread-self/schedstat`, second field); `nil` where the kernel does not say.
    ///   - stolenNanoseconds: what a hypervisor took from a processor meanwhile (`/proc/stat`).
    public static func kind(
        lateNanoseconds: Int64,
        runDelayNanoseconds: Int64?,
        stolenNanoseconds: Int64 = 0
    ) -> Kind {
        ((runDelayNanoseconds ?? 0) + stolenNanoseconds) * 2 >= lateNanoseconds ? .starved : .suspended
    }
}

/// The latest interruptions, for subtracting them from what is laid on the application.
public struct InterruptionLog: Sendable {
    private var interruptions: [Interruption] = []

    /// Creates an empty log.
    public init() {}

    /// Remembers an interruption; the oldest is forgotten beyond ``Limits/interruptionsKept``.
    public mutating func append(_ interruption: Interruption) {
        if interruptions.count == Limits.interruptionsKept { interruptions.removeFirst() }
        interruptions.append(interruption)
    }

    /// Nanoseconds of interruption between two instants.
    ///
    /// - Parameters:
    ///   - from: the first instant.
    ///   - to: the second instant.
    ///   - countsStarvation: whether times count in which only the watchdog is known to have waited for a CPU.
    public func overlapNanoseconds(
        from: MonotonicInstant,
        to: MonotonicInstant,
        countsStarvation: Bool = true
    ) -> Int64 {
        var total: Int64 = 0
        for interruption in interruptions.reversed() {
            if interruption.to <= from { break }
            if interruption.kind == .starved, !countsStarvation { continue }
            let start = max(interruption.from, from)
            let end = min(interruption.to, to)
            total += max(0, end.nanoseconds(since: start))
        }
        return total
    }
}
