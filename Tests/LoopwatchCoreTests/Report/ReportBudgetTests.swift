// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// What is written of very many stalls.
@Suite("Report budget")
struct ReportBudgetTests {
    private var budget = ReportBudget(burst: 3)

    private func fingerprint(_ target: String = "http-0", cause: String = "cpu") -> ReportBudget.Fingerprint {
        ReportBudget.Fingerprint(target: target, kind: .stall, cause: cause)
    }

    private mutating func admit(
        _ stall: UInt64,
        _ state: StallReport.State = .ended,
        severity: Severity = .warning,
        target: String = "http-0",
        cause: String = "cpu",
        at milliseconds: Double = 0
    ) -> UInt64? {
        budget.admit(
            fingerprint(target, cause: cause),
            stall: stall,
            state: state,
            severity: severity,
            now: at(milliseconds)
        )
    }

    @Test("a burst is written, then one a second, and each says how many were not")
    mutating func burst() {
        for stall in UInt64(1)...3 { #expect(admit(stall) == 0) }
        for stall in UInt64(4)...10 { #expect(admit(stall) == nil) }
        #expect(admit(11, at: 999) == nil)
        #expect(admit(12, at: 1_000) == 8)
        #expect(admit(13, at: 1_001) == nil)
        #expect(admit(14, at: 2_000) == 1)
        #expect(budget.suppressedTotal == 9)
        // No more than a burst is ever saved up.
        for stall in UInt64(20)...22 { #expect(admit(stall, at: 1e6) == 0) }
        #expect(admit(23, at: 1e6) == nil)
    }

    @Test("a stall is written as a whole or not at all")
    mutating func whole() {
        for stall in UInt64(1)...4 {
            let isWritten = stall <= 3
            for state in [StallReport.State.begun, .ongoing, .ongoing, .ended] {
                #expect((admit(stall, state) != nil) == isWritten)
            }
        }
        // Though there is budget again, the stall that was begun without goes on without.
        for stall in UInt64(5)...7 { _ = admit(stall) }
        #expect(admit(8, .begun) == nil)
        #expect(admit(8, .ongoing, at: 60_000) == nil)
        #expect(admit(8, .ended, at: 60_000) == nil)
        #expect(admit(9, .begun, at: 60_000) != nil)
    }

    @Test("a stall that was not written is, once it gets worse")
    mutating func escalation() {
        for stall in UInt64(1)...3 { _ = admit(stall) }
        #expect(admit(4, .begun) == nil)
        #expect(admit(4, .ongoing) == nil)
        #expect(admit(4, .ongoing, severity: .error) != nil)
        #expect(admit(4, .ended, severity: .error) != nil)
        #expect(admit(5, .begun, severity: .error) == nil)
        #expect(admit(5, .ongoing, severity: .error) == nil)
        #expect(admit(5, .ongoing, severity: .critical) != nil)
    }

    @Test("how many were not written is said exactly once, also where the cause shows only later")
    mutating func deliveredOnce() {
        for stall in UInt64(1)...3 { _ = admit(stall, cause: "unknown") }
        for stall in UInt64(4)...8 { _ = admit(stall, cause: "unknown") }
        #expect(admit(9, .begun, cause: "unknown", at: 1_000) == 5)
        #expect(admit(9, .ongoing, cause: "lock", at: 1_100) == 0)
        #expect(admit(9, .ended, cause: "lock", at: 1_200) == 0)
        // And that cause's own budget is not touched.
        for stall in UInt64(10)...12 { #expect(admit(stall, cause: "lock", at: 1_200) == 0) }
    }

    @Test("one kind of stall does not use up the budget of another")
    mutating func separate() {
        for stall in UInt64(1)...10 { _ = admit(stall) }
        #expect(admit(11, target: "http-1") == 0)
        #expect(admit(12, cause: "lock") == 0)
    }

    @Test("stalls that ended are forgotten: their number may come again")
    mutating func forgotten() {
        for stall in UInt64(1)...3 { _ = admit(stall) }
        #expect(admit(4, .begun) == nil)
        #expect(admit(4, .ended) == nil)
        #expect(admit(4, .begun, at: 5_000) != nil)
    }

    @Test("neither kinds of stalls nor stalls that never end are remembered without bound")
    mutating func bounds() {
        // The first stalls are not written; were they remembered for ever, they would not be later either.
        for stall in UInt64(1)...3 { _ = admit(stall, .begun) }
        #expect(admit(4, .begun) == nil)
        for stall in 5...UInt64(5 + Limits.reportDecisions) {
            _ = admit(stall, .begun, target: "target \(stall % 7)", at: Double(stall))
        }
        #expect(admit(4, .begun, at: 1e6) != nil)
        // The account of the kind that was used longest ago is forgotten, with what it had spent.
        var other = ReportBudget(burst: 1)
        for number in 0...UInt64(Limits.reportFingerprints) {
            let kind = fingerprint("\(number)")
            _ = other.admit(kind, stall: number, state: .ended, severity: nil, now: at(Double(number) / 1e4))
        }
        #expect(other.admit(fingerprint("0"), stall: 1, state: .ended, severity: nil, now: at(0.2)) == 0)
        #expect(other.admit(fingerprint("9"), stall: 1, state: .ended, severity: nil, now: at(0.2)) == nil)
    }
}
