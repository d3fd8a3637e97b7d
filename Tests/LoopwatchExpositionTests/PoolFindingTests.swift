// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("What was found of an accounted pool")
struct PoolFindingTests {
    /// A job that holds a thread.
    private func job(_ number: Int, kind: JobKind = .task, name: String? = nil, lane: JobLane = .medium) -> Job {
        Job(
            identity: JobIdentity(slot: UInt32(number), startTicks: 1),
            thread: 4_250 + Int32(number),
            began: MonotonicInstant(nanoseconds: 0),
            lane: lane,
            kind: kind,
            task: kind == .task ? 17 + UInt64(number) : nil,
            name: name
        )
    }

    /// A report of a pool with a finding.
    private func report(
        _ kind: PoolFinding.Kind,
        _ state: StallReport.State = .ongoing,
        width: Int = 2,
        held: Int? = nil,
        waiting: Int = 15,
        change: (inout StallReport) -> Void = { _ in }
    ) -> StallReport {
        var report = Snapshots.report()
        (report.subject, report.target, report.state) = (.pool, "default", state)
        (report.cpuShare, report.severity) = (nil, .error)
        report.kind = kind == .heldThread ? .hold : kind == .congested ? .congestion : .stall
        report.cause = kind == .heldThread ? .lock : kind == .congested ? .congestion : .starvation
        let held = held ?? (kind == .starved ? width : kind == .heldThread ? 1 : 0)
        report.pool = PoolFinding(
            kind: kind,
            lane: .medium,
            holders: state == .ended && kind != .heldThread ? [] : (0..<held).map { job($0) },
            held: held,
            width: width,
            holderCause: kind == .starved ? .lock : nil,
            waiting: waiting,
            oldestWaitNanoseconds: kind == .heldThread ? nil : 2_002_400_000
        )
        change(&report)
        return report
    }

    /// The end of the line from a field on.
    private func ending(_ report: StallReport, from field: String = " stall=42") -> String {
        let line = WarningLineWriterTests.line(report)
        guard let start = line.firstRange(of: field) else { return "no \(field) in \(line)" }
        return String(line[start.upperBound...])
    }

    @Test("a full pool of another process says what waits where that can be read, and that it cannot else")
    func saturated() {
        func sentence(_ state: StallReport.State, depth: Int?) -> String? {
            PoolSentence.text(
                of: report(.saturated, state, width: 6, held: 6) {
                    $0.depth = depth
                    $0.pool?.isOfSwift = false
                }
            )
        }
        #expect(
            PoolSentence.text(of: report(.saturated, .ongoing))
                == "Swift jobs hold all 2 threads that Swift's pool has for "
                + "one priority; what waits for them cannot be seen from outside"
        )
        #expect(sentence(.ongoing, depth: 14) == "all 6 threads are busy and 14 items wait")
        #expect(sentence(.ongoing, depth: 1) == "all 6 threads are busy and 1 item waits")
        #expect(sentence(.ended, depth: 14) == "all 6 threads were busy and 14 items waited at most")
        #expect(
            sentence(.ongoing, depth: nil)
                == "all 6 threads are busy; what waits for them cannot be seen from outside"
        )
    }

    private func value(_ report: StallReport) throws -> JSONValue {
        var bytes: [UInt8] = []
        WarningJSONWriterTests.writer.write(report, into: &bytes)
        #expect(!bytes.contains(0x0A))
        return try JSONValue.parse(bytes)
    }

    private static let groups = [
        StackGroup(stack: Stacks.checkout, threads: 6), StackGroup(stack: Stacks.parse, threads: 2),
    ]

    @Test("a held thread: its thread, its priority, its task and the task's name, byte for byte")
    func heldThread() throws {
        let report = report(.heldThread) {
            $0.threadIdentifier = 4_250
            $0.pool?.holders = [job(0, name: "nightly report")]
            $0.stack = Stacks.checkout
        }
        #expect(
            WarningLineWriterTests.line(report)
                == "2026-11-22T19:00:01.123Z ERROR pool thread held for 312ms target=default state=ongoing cause=lock "
                + "thread=4250 priority=medium task=17 name=\"nightly report\" stall=42 "
                + "at=\"innerBlocking() Checkout.swift:14\" "
                + "via=\"checkout() <~ handleRequest() <~ Router.respond()?\"\n"
        )
        let value = try value(report)
        #expect(value["finding"] == .string("held_thread") && value["kind"] == .string("hold"))
        #expect(value["priority"] == .string("medium"))
        #expect(value["job"]?.names == ["kind", "tid", "task", "name"])
        #expect(value["job"]?["kind"] == .string("task") && value["job"]?["tid"] == .number("4250"))
        #expect(value["job"]?["task"] == .number("17") && value["job"]?["name"] == .string("nightly report"))
        for name in ["threads", "threads_held", "jobs_waiting", "why", "holders", "groups"] {
            #expect(value[name] == nil, "\(name)")
        }
    }

    @Test("an actor's job has neither task nor name")
    func actor() throws {
        let report = report(.heldThread, .ended) { $0.pool?.holders = [job(0, kind: .actor)] }
        #expect(WarningLineWriterTests.line(report).hasSuffix(" priority=medium stall=42\n"))
        #expect(try value(report)["job"]?.names == ["kind", "tid"])
    }

    @Test("the main actor has no priority")
    func mainActor() throws {
        let report = report(.heldThread) {
            ($0.subject, $0.kind, $0.target) = (.loop, .stall, "main")
            $0.pool?.lane = .main
            $0.pool?.holders = [job(0, lane: .main)]
        }
        #expect(WarningLineWriterTests.line(report).contains(" loop blocked for 312ms target=main "))
        #expect(WarningLineWriterTests.line(report).hasSuffix(" cause=lock task=17 stall=42\n"))
        let value = try value(report)
        #expect(value["priority"] == nil && value["job"]?["task"] == .number("17"))
    }

    @Test("every thread is held, in each state and of any number", arguments: [1, 2, 8])
    func starved(_ width: Int) {
        let now = width == 1 ? "the only thread is" : "all \(width) threads are"
        let then = width == 1 ? "the only thread was" : "all \(width) threads were"
        for state in [StallReport.State.begun, .ongoing] {
            #expect(
                ending(report(.starved, state, width: width))
                    == " why=\"\(now) held (lock) and 15 jobs wait, the oldest for 2002ms\"\n"
            )
        }
        #expect(
            ending(report(.starved, .ended, width: width)) == " why=\"\(then) held (lock) and 15 jobs waited\"\n"
        )
        #expect(
            ending(report(.starved, width: width, waiting: 1) { $0.pool?.holderCause = nil })
                == " why=\"\(now) held and 1 job waits for 2002ms\"\n"
        )
        #expect(
            ending(report(.starved, .ended, width: width, waiting: 1)).hasSuffix("held (lock) and 1 job waited\"\n")
        )
        #expect(
            ending(report(.starved, width: width) { $0.pool?.oldestWaitNanoseconds = nil })
                == " why=\"\(now) held (lock) and 15 jobs wait\"\n"
        )
    }

    @Test("where the threads are is told, the most first, up to four places")
    func places() {
        let two = report(.starved, width: 8) { $0.groups = Self.groups }
        #expect(
            ending(two)
                == " why=\"all 8 threads are held (lock) and 15 jobs wait, the oldest for 2002ms: "
                + "6 at innerBlocking() Checkout.swift:14, 2 at JSONParser.parse(_:) JSONParser.swift:210\"\n"
        )
        let five = report(.starved, width: 8) {
            $0.groups =
                [StackGroup(stack: Stack(frames: []), threads: 3)]
                + (1...5).map { StackGroup(stack: Stack(frames: [Stacks.host("f\($0)")]), threads: 1) }
        }
        #expect(ending(five).hasSuffix(": 1 at f1, 1 at f2, 1 at f3, 1 at f4, ...\"\n"))
        let none = report(.starved) { $0.groups = [StackGroup(stack: Stack(frames: []), threads: 2)] }
        #expect(ending(none).hasSuffix("the oldest for 2002ms\"\n"), "a group without a frame names no place")
    }

    @Test("the object of a starvation has its threads, its jobs, its holders and its groups")
    func starvedObject() throws {
        let begun = report(.starved, .begun) {
            $0.groups = Self.groups
            $0.depth = 15
            $0.pool?.holders = [job(0, name: "a"), job(1, kind: .actor)]
        }
        let value = try value(begun)
        #expect(
            value.names == [
                "id", "state", "kind", "time", "severity", "process", "pid", "pool", "blocked_ms", "began", "message",
                "cause", "interrupted_ms", "waiting", "suppressed", "stall", "finding", "priority", "threads",
                "threads_held", "jobs_waiting", "oldest_wait_ms", "why", "holders", "groups",
            ]
        )
        #expect(value["finding"] == .string("starved") && value["message"] == .string("pool blocked for 312ms"))
        #expect(value["threads"] == .number("2") && value["threads_held"] == .number("2"))
        #expect(value["jobs_waiting"] == .number("15") && value["oldest_wait_ms"] == .number("2002.4"))
        guard case .array(let holders) = value["holders"], case .array(let groups) = value["groups"] else {
            Issue.record("neither holders nor groups")
            return
        }
        #expect(holders.map(\.names) == [["kind", "tid", "task", "name"], ["kind", "tid"]])
        #expect(groups.map { $0["threads"] } == [.number("6"), .number("2")])
        #expect(groups.first?["at"]?["function"] == .string("innerBlocking()"))
        #expect(groups.allSatisfy { $0["stack_id"] != nil })

        let ended = try self.value(report(.starved, .ended))
        #expect(ended["oldest_wait_ms"] == nil && ended["holders"] == nil && ended["groups"] == nil)
        #expect(ended["jobs_waiting"] == .number("15"))
    }

    @Test("threads that other work has taken")
    func takenByOthers() throws {
        #expect(
            ending(report(.takenByOthers, .begun))
                == " why=\"no Swift job holds a thread: other work, such as that of DispatchQueue.global(), has taken "
                + "the rest, and 15 jobs wait, the oldest for 2002ms\"\n"
        )
        #expect(
            ending(report(.takenByOthers, .ended, held: 1, waiting: 1))
                == " why=\"Swift jobs held only 1 of 2 threads: other work, such as that of DispatchQueue.global(), had "
                + "taken the rest, and 1 job waited\"\n"
        )
        #expect(
            ending(report(.takenByOthers, .begun) { $0.cause = .runqueue })
                == " why=\"its threads are ready and get no CPU, and 15 jobs wait, the oldest for 2002ms\"\n"
        )
        #expect(
            ending(report(.takenByOthers, .ended) { $0.cause = .throttled })
                == " why=\"its threads were ready and got no CPU (its quota is used up), and 15 jobs waited\"\n"
        )
        let value = try value(report(.takenByOthers, held: 1) { $0.groups = Self.groups })
        #expect(value["finding"] == .string("taken_by_others") && value["threads_held"] == .number("1"))
        #expect(value["cause"] == .string("starvation"))
    }

    @Test("a congestion names how many jobs wait")
    func congested() throws {
        #expect(
            WarningLineWriterTests.line(report(.congested, .begun, held: 2, waiting: 1_800) { $0.depth = 1_800 })
                == "2026-11-22T19:00:01.123Z ERROR pool congested for 312ms target=default state=begun cause=congestion "
                + "waiting=1800 priority=medium stall=42 why=\"1800 jobs wait, the oldest for 2002ms, though jobs begin "
                + "all the time: they are too many for 2 threads\"\n"
        )
        #expect(
            ending(report(.congested, .ended, width: 1, waiting: 1_800))
                == " why=\"1800 jobs waited, though jobs began all the time: they were too many for 1 thread\"\n"
        )
        #expect(try value(report(.congested))["finding"] == .string("congested"))
    }

    @Test("no name of a task or a function makes a second line or a further field", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        let held = report(.heldThread) { $0.pool?.holders = [job(0, name: name)] }
        let starved = report(.starved) {
            $0.pool?.holders = [job(0, name: name)]
            $0.groups = [StackGroup(stack: Stack(frames: [Stacks.host(name, (name, 3))]), threads: 2)]
        }
        for report in [held, starved] {
            let line = WarningLineWriterTests.line(report)
            #expect(line.utf8.count { $0 == 0x0A } == 1)
            #expect(line.unicodeScalars.dropLast().allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
            #expect(!line.unicodeScalars.contains { (0x2028...0x202E).contains($0.value) })
        }
        let fields = WarningLineWriterTests.logfmtFields(WarningLineWriterTests.line(held))
        #expect(fields.map(\.key) == ["target", "state", "cause", "priority", "task", "name", "stall"])
        #expect(fields.first { $0.key == "name" }?.value == name)
        let why = WarningLineWriterTests.logfmtFields(WarningLineWriterTests.line(starved))
        #expect(why.map(\.key) == ["target", "state", "cause", "priority", "stall", "why"])
        #expect(try value(held)["job"]?["name"] == .string(name))
        guard case .array(let holders) = try value(starved)["holders"] else {
            Issue.record("no holders")
            return
        }
        #expect(holders.first?["name"] == .string(name))
    }

    @Test("a name that was cut within a character is text, and stays one value")
    func invalidName() throws {
        // 31 bytes of a name of which the last character has two.
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 30) + [0xC3]
        let name = String(decoding: bytes, as: UTF8.self)
        let report = report(.heldThread) { $0.pool?.holders = [job(0, name: name)] }
        let line = WarningLineWriterTests.line(report)
        #expect(String(validating: line.utf8, as: UTF8.self) != nil)
        #expect(WarningLineWriterTests.logfmtFields(line).first { $0.key == "name" }?.value == name)
        #expect(try value(report)["job"]?["name"] == .string(name))
    }

    @Test("very long names are cut, so that the line is")
    func long() throws {
        let name = String(repeating: "é", count: 2_000)
        let report = report(.starved) {
            $0.groups = (0..<8).map {
                StackGroup(stack: Stack(frames: [Stacks.host("\($0)" + name, (name, 3))]), threads: 1)
            }
        }
        let why = WarningLineWriterTests.logfmtFields(WarningLineWriterTests.line(report)).last
        #expect(why?.key == "why" && (why?.value.utf8.count ?? .max) <= Limits.sentenceBytesInLine)
        #expect(why?.value.hasSuffix("...") == true && why?.value.unicodeScalars.contains("\u{FFFD}") == false)
        guard case .string(let sentence) = try value(report)["why"] else {
            Issue.record("no sentence")
            return
        }
        #expect(sentence.utf8.count <= Limits.nameBytesInStack)
    }

    @Test("a report without a finding says nothing of one")
    func none() throws {
        var report = Snapshots.report()
        report.groups = Self.groups
        #expect(!WarningLineWriterTests.line(report).contains("why="))
        let value = try value(report)
        #expect(value["finding"] == nil && value["groups"] == nil)
    }
}
