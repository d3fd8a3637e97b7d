// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("Warnings as JSON")
struct WarningJSONWriterTests {
    static let writer = WarningJSONWriter(process: "api", processIdentifier: 4_242, boot: "7f3a")

    /// The bytes that a closure writes, as text.
    static func text(_ body: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        body(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("the object of the README's report, byte for byte")
    func golden() {
        #expect(
            Self.text { Self.writer.writeLine(Snapshots.report(), into: &$0) }
                == #"{"id":"7f3a-118","state":"ended","kind":"stall","time":"2026-11-22T19:00:01.123Z","#
                + #""severity":"warning","process":"api","pid":4242,"loop":"http-0","blocked_ms":312.4,"#
                + #""began":"2026-11-22T19:00:00.811Z","message":"loop blocked for 312ms","#
                + #""cause":"syscall:clock_nanosleep","cpu":0.0129,"interrupted_ms":0,"suppressed":0,"stall":42}"#
                + "\n"
        )
    }

    @Test("a pool's report has its pool, and what else is known")
    func pool() throws {
        var report = Snapshots.report()
        (report.subject, report.target, report.depth, report.threadIdentifier) = (.pool, "default", 12, 4_250)
        (report.interruptedNanoseconds, report.suppressed, report.cpuShare) = (1_500, 9, .nan)
        var bytes: [UInt8] = []
        Self.writer.write(report, into: &bytes)
        let value = try JSONValue.parse(bytes)
        #expect(
            value.names == [
                "id", "state", "kind", "time", "severity", "process", "pid", "pool", "tid", "blocked_ms", "began",
                "message", "cause", "interrupted_ms", "waiting", "suppressed", "stall",
            ]
        )
        #expect(value["interrupted_ms"] == .number("0.002"))
        #expect(value["waiting"] == .number("12"))
        #expect(value["tid"] == .number("4250"))
    }

    @Test("clients that wait are told if there are any", arguments: [nil, 0, 17])
    func waitingConnections(_ count: Int?) throws {
        var report = Snapshots.report()
        report.waitingConnections = count
        var bytes: [UInt8] = []
        Self.writer.write(report, into: &bytes)
        #expect(try JSONValue.parse(bytes)["waiting_connections"] == (count == 17 ? .number("17") : nil))
        bytes = []
        WarningLineWriter.write(report, into: &bytes)
        let line = String(decoding: bytes, as: UTF8.self)
        #expect(line.contains(" waiting_connections=") == (count == 17))
        #expect(count != 17 || line.contains(" waiting_connections=17 "))
    }

    @Test("an interruption has neither loop, pool nor severity")
    func interruption() throws {
        var report = Snapshots.report()
        (report.kind, report.subject, report.severity, report.cause) = (.interruption, .process, nil, .suspended)
        var bytes: [UInt8] = []
        Self.writer.write(report, into: &bytes)
        let value = try JSONValue.parse(bytes)
        #expect(value["kind"] == .string("interruption"))
        #expect(value["message"] == .string("process suspended for 312ms"))
        #expect(value["severity"] == nil && value["loop"] == nil && value["pool"] == nil)
    }

    @Test(
        "milliseconds have three decimals at most, rounded to the nearest",
        arguments: [
            (1_532_000_000, "1532"), (312_456_499, "312.456"), (312_456_500, "312.457"), (0, "0"), (-1_500, "-0.002"),
            (.max, "9223372036854.776"), (.min, "-9223372036854.776"),
        ] as [(Int64, String)]
    )
    func milliseconds(_ nanoseconds: Int64, _ expected: String) throws {
        var report = Snapshots.report()
        report.durationNanoseconds = nanoseconds
        var bytes: [UInt8] = []
        Self.writer.write(report, into: &bytes)
        #expect(try JSONValue.parse(bytes)["blocked_ms"] == .number(expected))
    }

    @Test("hostile names come back as they were, in one line and without a tag", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        var report = Snapshots.report()
        report.target = name
        report.cause = .syscall(name)
        var bytes: [UInt8] = []
        WarningJSONWriter(process: name, processIdentifier: 1, boot: name).write(report, into: &bytes)
        let value = try JSONValue.parse(bytes)
        #expect(value["loop"] == .string(name))
        #expect(value["process"] == .string(name))
        #expect(value["cause"] == .string("syscall:" + name))
        #expect(value["id"] == .string(name + "-118"))
        #expect(!bytes.contains(0x0A) && !bytes.contains(UInt8(ascii: "<")))
    }

    @Test("the snapshot document")
    func document() throws {
        let empty = Self.text { Self.writer.writeDocument([], oldest: nil, newest: nil, lost: 0, into: &$0) }
        #expect(empty == #"{"schema":1,"boot":"7f3a","oldest":null,"newest":null,"lost":0,"warnings":[]}"# + "\n")
        var bytes: [UInt8] = []
        let reports = [Snapshots.report(), Snapshots.report()]
        Self.writer.writeDocument(reports, oldest: 97, newest: 120, lost: 96, into: &bytes)
        let value = try JSONValue.parse(bytes)
        #expect(value["oldest"] == .number("97") && value["newest"] == .number("120") && value["lost"] == .number("96"))
        guard case .array(let warnings) = value["warnings"] else {
            Issue.record("no warnings")
            return
        }
        #expect(warnings.count == 2)
    }

    @Test("the events of the live tail")
    func events() {
        let gap = Self.text { Self.writer.writeLine(.gap(missed: 23), into: &$0) }
        #expect(gap == #"{"event":"gap","missed":23}"# + "\n")
        let unknownGap = Self.text { Self.writer.write(.gap(missed: nil), into: &$0) }
        #expect(unknownGap == #"{"event":"gap","missed":null}"#)
        let heartbeat = Self.text { Self.writer.write(.heartbeat(unixNanoseconds: Snapshots.now), into: &$0) }
        #expect(heartbeat == #"{"event":"heartbeat","time":"2026-11-22T19:34:49.924Z"}"#)
        #expect(Self.text { Self.writer.write(.end, into: &$0) } == #"{"event":"end"}"#)
    }
}

@Suite("Warnings as server-sent events")
struct ServerSentEventWriterTests {
    static let writer = ServerSentEventWriter(json: WarningJSONWriterTests.writer)

    @Test("a stream: start, warning, heartbeat, gap, end")
    func stream() {
        let text = WarningJSONWriterTests.text {
            Self.writer.writeStart(into: &$0)
            Self.writer.write(Snapshots.report(), into: &$0)
            Self.writer.write(.heartbeat(unixNanoseconds: 0), into: &$0)
            Self.writer.write(.gap(missed: 1), into: &$0)
            Self.writer.write(.end, into: &$0)
        }
        let object = WarningJSONWriterTests.text { WarningJSONWriterTests.writer.write(Snapshots.report(), into: &$0) }
        #expect(
            text == """
                retry: 3000

                id: 7f3a-118
                event: ended
                data: \(object)

                : hb

                event: gap
                data: {"event":"gap","missed":1}

                event: end
                data: {"event":"end"}


                """
        )
    }

    @Test("line ends in data become further data lines, and none in a field ends it")
    func lineEnds() {
        let text = WarningJSONWriterTests.text {
            ServerSentEventWriter.write(
                identifier: "a\nb\0",
                event: "c\r\nd",
                data: Array("1\n2\r\n3\r4\n\n5".utf8),
                into: &$0
            )
        }
        #expect(text == "id: ab\nevent: cd\ndata: 1\ndata: 2\ndata: 3\ndata: 4\ndata: \ndata: 5\n\n")
    }
}
