// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// From which length on a stall is how bad.
@Suite("Thresholds")
struct ThresholdsTests {
    @Test("the higher thresholds follow from the first")
    func derived() {
        #expect(Thresholds() == Thresholds(warning: .milliseconds(100), error: .seconds(1), critical: .seconds(5)))
        let thresholds = Thresholds(warning: .milliseconds(10), error: .seconds(2))
        #expect(thresholds.error == .seconds(2) && thresholds.critical == .seconds(10))
        #expect(Thresholds(warning: .seconds(1), error: .seconds(2)).critical == .seconds(50))
    }

    @Test(
        "every first threshold that is allowed makes higher ones that are",
        arguments: [.milliseconds(5), .seconds(1), .seconds(3_600), .seconds(43_200), .seconds(86_400)] as [Duration]
    )
    func derivedAreAllowed(warning: Duration) throws {
        try Thresholds(warning: warning).validate(name: "thresholds")
        try Thresholds(warning: warning, error: warning).validate(name: "thresholds")
    }

    @Test(
        "no duration is too long to be refused",
        arguments: [.seconds(Int64.max), .seconds(Int64.min), .zero, .seconds(86_401), .milliseconds(4)] as [Duration]
    )
    func refused(duration: Duration) {
        for (level, thresholds) in [
            ("warning", Thresholds(warning: duration)),
            ("error", Thresholds(error: duration)),
            ("critical", Thresholds(critical: duration)),
        ] {
            let error = #expect(throws: ConfigurationError.self) { try thresholds.validate(name: "thresholds") }
            #expect(error?.key == "thresholds.\(level)")
            #expect(error?.value == "\(duration)")
            #expect(error?.expected == "a duration from 5 ms to 1 day")
        }
    }

    @Test("thresholds in the wrong order are refused, equal ones are not")
    func order() throws {
        let second = Duration.seconds(1)
        try Thresholds(warning: second, error: second, critical: second).validate(name: "x")
        for thresholds in [
            Thresholds(warning: .seconds(2), error: second, critical: .seconds(3)),
            Thresholds(warning: second, error: .seconds(3), critical: .seconds(2)),
        ] {
            let error = #expect(throws: ConfigurationError.self) { try thresholds.validate(name: "x") }
            #expect(error?.key == "x" && error?.expected == "warning <= error <= critical")
        }
    }

    @Test("a stall is as bad as the highest threshold it has reached")
    func severity() {
        let thresholds = Thresholds()
        let lengths: [(Double, Severity?)] = [
            (0, nil), (99.999999, nil), (100, .warning), (999.999999, .warning), (1_000, .error), (4_999, .error),
            (5_000, .critical), (1e9, .critical),
        ]
        for (milliseconds, severity) in lengths {
            #expect(thresholds.severity(ofNanoseconds: .milliseconds(milliseconds)) == severity)
        }
        #expect(Severity.allCases.sorted() == [.warning, .error, .critical])
        #expect(Severity.allCases.map(\.label) == ["warning", "error", "critical"])
    }

    @Test("a target is looked at twice within a threshold, however coarse the resolution is")
    func policy() {
        func policy(_ resolution: Double, _ threshold: Int) -> DetectionPolicy {
            DetectionPolicy(
                resolutionNanoseconds: .milliseconds(resolution),
                thresholds: Thresholds(warning: .milliseconds(threshold))
            )
        }
        #expect(policy(10, 100).lookNanoseconds == .milliseconds(10))
        #expect(policy(10, 100).idleNanoseconds == .milliseconds(100))
        #expect(policy(10, 100).quietNanoseconds == .milliseconds(75))
        #expect(policy(10, 5).lookNanoseconds == .milliseconds(2.5))
        #expect(policy(10, 5).quietNanoseconds == .milliseconds(3.75))
        #expect(policy(10_000, 100).lookNanoseconds == .milliseconds(50))
    }
}
