// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("The warning line")
struct WarningLineWriterTests {
    /// The line of a report.
    static func line(_ report: StallReport) -> String {
        var bytes: [UInt8] = []
        WarningLineWriter.write(report, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The line of the README's report after a change.
    static func line(_ change: (inout StallReport) -> Void) -> String {
        var report = Snapshots.report()
        change(&report)
        return line(report)
    }

    @Test("the line of the README, byte for byte")
    func readme() {
        let line = Self.line(Snapshots.report())
        #expect(
            line == "2026-11-22T19:00:01.123Z WARN loop blocked for 312ms target=http-0 state=ended "
                + "cause=syscall:clock_nanosleep cpu=1% stall=42\n"
        )
    }

    @Test("all fields, in their order")
    func allFields() {
        let line = Self.line {
            $0.subject = .pool
            $0.target = "default pool"
            $0.state = .ongoing
            $0.severity = .critical
            $0.cause = .starvation
            $0.threadIdentifier = 4_250
            $0.depth = 12
            $0.interruptedNanoseconds = 45_600_000
            $0.suppressed = 3
        }
        #expect(
            line == "2026-11-22T19:00:01.123Z CRITICAL pool blocked for 312ms target=\"default pool\" state=ongoing "
                + "cause=starvation cpu=1% thread=4250 waiting=12 interrupted=46ms suppressed=3 stall=42\n"
        )
    }

    @Test("levels and wording follow severity, kind and cause")
    func wording() {
        let congested = Self.line { ($0.kind, $0.severity, $0.cause) = (.congestion, .error, .congestion) }
        #expect(congested.contains("Z ERROR loop congested for 312ms target=http-0 "))
        let suspended = Self.line {
            ($0.kind, $0.subject, $0.severity, $0.cause) = (.interruption, .process, nil, .suspended)
        }
        #expect(suspended.contains("Z INFO process suspended for 312ms target="))
        let starved = Self.line {
            ($0.kind, $0.subject, $0.severity, $0.cause) = (.interruption, .process, nil, .runqueue)
        }
        #expect(starved.contains("Z INFO process starved of CPU for 312ms target="))
    }

    @Test(
        "durations are whole milliseconds, rounded to the nearest and at least one",
        arguments: [
            (0, "1ms"), (-5_000_000, "1ms"), (400_000, "1ms"), (1_499_999, "1ms"), (1_500_000, "2ms"),
            (312_499_999, "312ms"), (312_500_000, "313ms"), (.max, "9223372036855ms"), (.min, "1ms"),
        ] as [(Int64, String)]
    )
    func durations(_ nanoseconds: Int64, _ expected: String) {
        #expect(Self.line { $0.durationNanoseconds = nanoseconds }.contains(" blocked for \(expected) target="))
    }

    @Test(
        "the CPU share is rounded, bounded and left out where it is unknown",
        arguments: [
            (nil, ""), (0, " cpu=0%"), (0.005, " cpu=1%"), (0.994, " cpu=99%"), (1.7, " cpu=100%"), (-1, " cpu=0%"),
            (.nan, ""), (.infinity, ""),
        ] as [(Double?, String)]
    )
    func cpu(_ share: Double?, _ expected: String) {
        let line = Self.line { $0.cpuShare = share }
        #expect(line.hasSuffix(" cause=syscall:clock_nanosleep\(expected) stall=42\n"))
    }

    @Test("no name makes a second line or a further field", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) {
        let line = Self.line {
            $0.target = name
            $0.cause = .syscall(name)
        }
        #expect(line.utf8.count { $0 == 0x0A } == 1)
        #expect(line.unicodeScalars.dropLast().allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        #expect(!line.unicodeScalars.contains { (0x2028...0x202E).contains($0.value) })
        let fields = Self.logfmtFields(line)
        #expect(fields.map(\.key) == ["target", "state", "cause", "cpu", "stall"])
        #expect(fields.first?.value == name)
        #expect(fields.dropFirst(2).first?.value == "syscall:" + name)
    }

    /// Reads the fields of a line, undoing the quotes.
    static func logfmtFields(_ line: String) -> [(key: String, value: String)] {
        var fields: [(key: String, value: String)] = []
        guard let start = line.firstRange(of: "target=") else { return [] }
        var rest = line[start.lowerBound...].unicodeScalars.dropLast()
        while !rest.isEmpty {
            let key = String(String.UnicodeScalarView(rest.prefix { $0 != "=" }))
            rest = rest.dropFirst(key.unicodeScalars.count + 1)
            var value = String.UnicodeScalarView()
            if rest.first == "\"" {
                rest.removeFirst()
                while let scalar = rest.popFirst(), scalar != "\"" {
                    guard scalar == "\\", let escaped = rest.popFirst() else {
                        value.append(scalar)
                        continue
                    }
                    switch escaped {
                    case "n": value.append("\n")
                    case "r": value.append("\r")
                    case "t": value.append("\t")
                    case "u":
                        let digits = String(String.UnicodeScalarView(rest.prefix(4)))
                        rest = rest.dropFirst(4)
                        if let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) { value.append(scalar) }
                    default: value.append(escaped)
                    }
                }
            } else {
                value = String.UnicodeScalarView(rest.prefix { $0 != " " })
                rest = rest.dropFirst(value.count)
            }
            rest = rest.dropFirst()
            fields.append((key, String(value)))
        }
        return fields
    }
}
