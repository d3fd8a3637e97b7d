// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@testable import LoopwatchDaemon

/// Reports that the writers write and the readers read.
enum Written {
    /// A stack as a capture has it.
    static let stack = Stack(frames: [
        StackFrame(function: "clock_nanosleep", module: "libc.so.6", moduleOffset: 0xD9, origin: .system),
        StackFrame(
            function: "innerBlocking()",
            file: "/src/Checkout.swift",
            line: 14,
            module: "api",
            origin: .host
        ),
        StackFrame(function: "checkout(_:as:)", file: "/src/Checkout.swift", line: 31, module: "api", origin: .host),
        StackFrame(function: "swift_job_run", module: "libswift_Concurrency.so", origin: .runtime),
        StackFrame(function: "Router.respond()", module: "api", origin: .host, link: .asynchronous, isUncertain: true),
    ])

    /// A report after a change.
    static func report(_ change: (inout StallReport) -> Void = { _ in }) -> StallReport {
        var report = StallReport(
            sequence: 57,
            stall: 42,
            state: .ended,
            kind: .stall,
            subject: .loop,
            target: "http-0",
            severity: .warning,
            durationNanoseconds: 312_400_000,
            beganUnixNanoseconds: 1_795_374_000_811_000_000,
            unixNanoseconds: 1_795_374_001_123_000_000,
            cause: .syscall("clock_nanosleep"),
            cpuShare: 0.0123,
            threadIdentifier: 4_250
        )
        change(&report)
        return report
    }

    /// Reports of every kind.
    static let all: [StallReport] = [
        report(),
        report { $0.stack = stack },
        report { ($0.stackOmitted, $0.state) = ("it \"may\" not be read\n", .begun) },
        report { ($0.kind, $0.cause, $0.severity) = (.congestion, .congestion, .error) },
        report {
            ($0.kind, $0.subject, $0.severity, $0.cause) = (.interruption, .process, nil, .suspended)
            $0.target = "api"
        },
        report {
            ($0.kind, $0.subject, $0.severity, $0.cause) = (.interruption, .process, nil, .runqueue)
            $0.target = "api"
        },
        report {
            ($0.subject, $0.target, $0.depth, $0.suppressed) = (.pool, "my \"pool\" = one", 12, 3)
            ($0.interruptedNanoseconds, $0.severity) = (45_000_000, .critical)
        },
        report {
            $0.process = RemoteProcessName(name: "uvicorn main", identifier: 77)
            ($0.evidence, $0.durationUpperNanoseconds, $0.causeDetail) = (.bounded, 320_000_000, "/var/lib/x y.db")
            $0.stack = stack
        },
        report {
            ($0.subject, $0.target, $0.cause) = (.pool, "swift", .starvation)
            var pool = PoolFinding(kind: .starved, lane: .medium, holders: [], held: 2, width: 2)
            (pool.waiting, pool.oldestWaitNanoseconds, pool.holderCause) = (15, 2_002_000_000, .lock)
            $0.pool = pool
            $0.groups = [StackGroup(stack: stack, threads: 2)]
            $0.state = .ongoing
        },
    ]

    /// The line of the log.
    static func line(_ report: StallReport) -> String {
        var bytes: [UInt8] = []
        WarningLineWriter.write(report, into: &bytes)
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    /// The object of `/warnings`.
    static func json(_ report: StallReport, run: String = "a1b2c3d4", writesFrames: Bool = true) -> String {
        var bytes: [UInt8] = []
        WarningJSONWriter(process: "api", processIdentifier: 4_711, boot: run)
            .write(report, writesFrames: writesFrames, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite("Reading warnings")
struct WarningReaderTests {
    @Test("one that came as JSON is written as the log writes it", arguments: Written.all.indices)
    func line(index: Int) throws {
        let report = Written.all[index]
        let value = try #require(JSON5Value(json: Written.json(report).utf8))
        #expect(WarningLine.text(of: value) == Written.line(report))
    }

    @Test("lines of text and of JSON say the same", arguments: Written.all.indices)
    func forms(index: Int) throws {
        let report = Written.all[index]
        let line = try #require(WarningLineReader.read(Array(Written.line(report).utf8)[...]))
        let value = try #require(JSON5Value(json: Written.json(report).utf8))
        let json = try #require(WarningJSONReader.read(value))
        for record in [line, json] {
            #expect(record.stall == 42 && record.state == report.state && record.kind == report.kind)
            #expect(record.subject == report.subject && record.target == report.target)
            #expect(record.cause == report.cause.text && record.suppressed == report.suppressed)
            #expect(record.thread == 4_250 && record.unixNanoseconds == report.unixNanoseconds)
            #expect(abs(record.nanoseconds - 312_400_000) < 500_000)
            #expect(abs(record.beganUnixNanoseconds - report.beganUnixNanoseconds) < 60_000_000)
        }
        #expect(line.place == json.place)
        #expect(line.qualifiedTarget == json.qualifiedTarget)
        #expect(json.run == "a1b2c3d4" && line.run == nil)
    }

    @Test("the callers that a line names come back as frames")
    func callers() {
        let stack = PlaceText.stack(
            at: "innerBlocking() Checkout.swift:14",
            via: "<~ a(b:c:)? < Map<Int, String>.sum() <~ respond() < ..."
        )
        #expect(stack.isTruncated)
        #expect(stack.frames.map(\.function) == ["innerBlocking()", "a(b:c:)", "Map<Int, String>.sum()", "respond()"])
        #expect(stack.frames.map(\.link) == [.call, .asynchronous, .call, .asynchronous])
        #expect(stack.frames[0].file == "Checkout.swift" && stack.frames[0].line == 14)
        #expect(stack.frames[1].isUncertain && !stack.frames[2].isUncertain)
        let plain = PlaceText.stack(at: "closure #1 in main", via: "")
        #expect(plain.frames.map(\.function) == ["closure #1 in main"] && plain.frames[0].file == nil)
    }

    @Test(
        "the place that a sentence names first is found",
        arguments: [
            ("all 2 threads are held (lock) and 1 job waits for 9ms: 2 at f(a:) A.swift:25", "f(a:) A.swift:25"),
            ("all 4 threads were held and 1 job waited: 3 at f(), 1 at g() B.swift:2", "f()"),
            ("all 9 threads are held and 2 jobs wait: 3 at a, b(), 2 at c(), ...", "a, b()"),
            ("2 jobs waited, though jobs began all the time: they were too many for 2 threads", nil),
        ] as [(String, String?)]
    )
    func sentence(text: String, place: String?) {
        #expect(PlaceText.firstPlace(of: text) == place)
    }

    @Test("what stands before a warning does not matter, and what is cut off is not believed")
    func surroundings() throws {
        let line = Written.line(Written.report { $0.stack = Written.stack })
        func read(_ text: String, isComplete: Bool = true) -> WarningRecord? {
            WarningLineReader.read(Array(text.utf8)[...], isComplete: isComplete)
        }
        #expect(read("Nov 26 19:00:01 host loopwatch[77]: " + line)?.stall == 42)
        // A line that was cut off, and the one that was written after it.
        let other = Written.line(Written.report { $0.stall = 43 })
        for length in [30, 60, 90, 140] { #expect(read(String(line.prefix(length)) + other)?.stall == 43) }
        // Cut off anywhere, it is read as what it was or not at all.
        let whole = try #require(read(line))
        for length in 0..<line.utf8.count {
            guard let part = read(String(decoding: line.utf8.prefix(length), as: UTF8.self), isComplete: false) else {
                continue
            }
            #expect(part.stall == 42 && part.cause == whole.cause && part.nanoseconds == whole.nanoseconds)
            #expect(part.place == nil || part.place == whole.place, "\(length)")
        }
    }

    @Test("anything else is no warning, and does no harm")
    func nonsense() {
        let seeds = Written.all.flatMap { [Written.line($0), Written.json($0)] }
        var state: UInt64 = 42
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        var reader = WarningLogReader()
        var found = 0
        for _ in 0..<2_000 {
            var bytes = Array(seeds[random(seeds.count)].utf8)
            for _ in 0...random(4) {
                switch random(3) {
                case 0: bytes[random(bytes.count)] = UInt8(random(256))
                case 1: bytes.removeSubrange(random(bytes.count)...)
                default: bytes.insert(contentsOf: [0x22, 0x5C, 0x7B], at: random(bytes.count + 1))
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            reader.read(bytes[...], isComplete: random(2) == 0) { _ in found += 1 }
        }
        let counts = reader.counts
        #expect(counts.warnings == found && found > 0 && counts.notUnderstood > 0)
        #expect(counts.lines <= 2_000)
    }

    @Test(
        "times are read as RFC 3339 writes them",
        arguments: [
            ("2026-11-22T19:00:01.123Z", 1_795_374_001_123), ("2026-11-22T19:00:01Z", 1_795_374_001_000),
            ("2026-11-22T20:00:01+01:00", 1_795_374_001_000), ("2026-11-22 19:00", 1_795_374_000_000),
            ("1970-01-01", 0), ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2023-02-29", nil), ("2026-13-01", nil),
            ("2026-11-22T24:00:00Z", nil), ("2026-11-22T19", nil), ("yesterday", nil), ("", nil),
        ] as [(String, Int64?)]
    )
    func times(text: String, milliseconds: Int64?) {
        #expect(TimeText.unixNanoseconds(of: text) == milliseconds.map { $0 * 1_000_000 })
    }
}
