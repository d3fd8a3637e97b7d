// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Limits how many stalls of one fingerprint are written, and counts the others.
///
/// A stall is written as a whole or not at all: its later reports follow the decision on its first, unless it gets worse.
/// The first ``WatchConfiguration/reportBurst`` stalls of a fingerprint are written, then one each ``Limits/reportRefillNanoseconds``.
public struct ReportBudget: Sendable {
    /// What tells kinds of stalls apart.
    public struct Fingerprint: Sendable, Hashable {
        /// Name of the target.
        public var target: String
        /// Stall, congestion or interruption.
        public var kind: StallReport.Kind
        /// Why, in the words of the warning.
        public var cause: String

        /// Creates a fingerprint.
        public init(target: String, kind: StallReport.Kind, cause: String) {
            self.target = target
            self.kind = kind
            self.cause = cause
        }
    }

    private struct Account: Sendable {
        var tokens: Double
        var refilled: MonotonicInstant
        var suppressed: UInt64 = 0
    }

    private struct Decision: Sendable {
        /// That of the first report: a stall's cause may show only later, and its account stays the same.
        var fingerprint: Fingerprint
        var isWritten: Bool
        var severity: Severity?
    }

    private var accounts: [Fingerprint: Account] = [:]
    private var decisions: [UInt64: Decision] = [:]
    /// Reports that were not written.
    public private(set) var suppressedTotal: UInt64 = 0

    private let burst: Double

    /// Creates a budget with nothing spent.
    ///
    /// - Parameter burst: stalls of one fingerprint that are written at once before the limit applies.
    public init(burst: Int = Limits.reportBurstDefault) {
        self.burst = Double(burst)
    }

    /// Decides on one report.
    ///
    /// - Parameters:
    ///   - fingerprint: what kind of stall it is.
    ///   - stall: the stall's number.
    ///   - state: where the stall stands.
    ///   - severity: how bad it is now.
    ///   - now: the time.
    /// - Returns: `nil` if it is not to be written; otherwise how many of its fingerprint were not since the last one.
    public mutating func admit(
        _ fingerprint: Fingerprint,
        stall: UInt64,
        state: StallReport.State,
        severity: Severity?,
        now: MonotonicInstant
    ) -> UInt64? {
        let fingerprint = decisions[stall]?.fingerprint ?? fingerprint
        var account = accounts[fingerprint] ?? Account(tokens: burst, refilled: now)
        let elapsed = max(0, now.nanoseconds(since: account.refilled))
        account.tokens = min(
            burst,
            account.tokens + Double(elapsed) / Double(Limits.reportRefillNanoseconds)
        )
        account.refilled = now
        var decision: Decision
        if let earlier = decisions[stall] {
            decision = earlier
            if !decision.isWritten, let severity, severity > (earlier.severity ?? .warning) {
                decision.isWritten = true
            }
        } else {
            decision = Decision(fingerprint: fingerprint, isWritten: account.tokens >= 1, severity: severity)
            if decision.isWritten { account.tokens -= 1 } else { account.suppressed += 1 }
        }
        decision.severity = severity
        remember(state == .ended ? nil : decision, of: stall)
        defer { store(account, for: fingerprint) }
        guard decision.isWritten else {
            suppressedTotal += 1
            return nil
        }
        defer { account.suppressed = 0 }
        return account.suppressed
    }

    private mutating func remember(_ decision: Decision?, of stall: UInt64) {
        // A stall whose target was removed never ends: the oldest goes.
        if decision != nil, decisions[stall] == nil, decisions.count >= Limits.reportDecisions,
            let oldest = decisions.keys.min()
        {
            decisions[oldest] = nil
        }
        decisions[stall] = decision
    }

    private mutating func store(_ account: Account, for fingerprint: Fingerprint) {
        if accounts[fingerprint] == nil, accounts.count >= Limits.reportFingerprints,
            let oldest = accounts.min(by: { $0.value.refilled < $1.value.refilled })?.key
        {
            accounts[oldest] = nil
        }
        accounts[fingerprint] = account
    }
}
