// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import LoopwatchTestSupport
import Testing

@Suite("Stacks in warnings")
struct StackInWarningTests {
    /// The end of the line of the README's report with a stack, after the number of the stall.
    private func ending(_ stack: Stack?, _ change: (inout StallReport) -> Void = { _ in }) -> String {
        let line = WarningLineWriterTests.line {
            $0.stack = stack
            change(&$0)
        }
        return line.split(separator: " stall=42", maxSplits: 1).last.map(String.init) ?? ""
    }

    private func value(_ report: StallReport) throws -> JSONValue {
        var bytes: [UInt8] = []
        WarningJSONWriterTests.writer.write(report, into: &bytes)
        #expect(!bytes.contains(0x0A))
        return try JSONValue.parse(bytes)
    }

    @Test("the line says where, then through whom; asynchronous callers and uncertain ones have their marks")
    func line() {
        #expect(
            ending(Stacks.checkout)
                == #" at="innerBlocking() Checkout.swift:14" via="checkout() <~ handleRequest() <~ Router.respond()?""#
                + "\n"
        )
        #expect(
            ending(Stacks.parse)
                == #" at="JSONParser.parse(_:) JSONParser.swift:210" via="Upload.read<A>(_: A) -> [Int] < ...""# + "\n"
        )
    }

    @Test("the line of the design, but for the marks that its callers do not have")
    func design() {
        let stack = Stack(frames: [
            Stacks.host("innerBlocking()", ("Checkout.swift", 14)), Stacks.host("checkout()"),
            Stacks.host("handleRequest()"), Stacks.host("Router.respond()"),
        ])
        #expect(
            WarningLineWriterTests.line { $0.stack = stack }
                == "2026-11-22T19:00:01.123Z WARN loop blocked for 312ms target=http-0 state=ended "
                + "cause=syscall:clock_nanosleep cpu=1% stall=42 at=\"innerBlocking() Checkout.swift:14\" "
                + "via=\"checkout() < handleRequest() < Router.respond()\"\n"
        )
    }

    @Test("what is not known is left out")
    func unknown() {
        #expect(ending(nil) == "\n")
        #expect(ending(Stack(frames: [])) == "\n")
        #expect(ending(Stack(frames: [Stacks.host("main")])) == " at=main\n")
        #expect(ending(Stack(frames: [Stacks.host("f", ("a/b/", 0))])) == " at=\"f b:0\"\n")
        let library = Stacks.library("read", "libc.so.6", .system)
        #expect(ending(Stack(frames: [library, library])) == " at=read\n", "nobody of the host's called")
        #expect(ending(Stack(frames: [Stacks.host("")])) == " at=\"\"\n")
    }

    @Test("a first caller that awaits is marked, and so is one behind frames of the runtime")
    func marks() {
        let awaited = Stack(frames: [Stacks.host("a"), Stacks.host("b", link: .asynchronous)])
        #expect(ending(awaited) == " at=a via=\"<~ b\"\n")
        let behind = Stack(frames: [
            Stacks.host("a"), Stacks.host("b"), Stacks.library("resume", "libswift", .runtime, link: .asynchronous),
            Stacks.host("c"), Stacks.host("d"),
        ])
        #expect(ending(behind) == " at=a via=\"b <~ c < d\"\n")
    }

    @Test("a reason stands for a stack that could not be had, and what a system call was about for any other cause")
    func reasons() {
        #expect(ending(nil) { $0.stackOmitted = "the thread ran on" } == " stack=\"omitted: the thread ran on\"\n")
        #expect(ending(nil) { $0.causeDetail = "/var/db/orders" } == " on=/var/db/orders\n")
        let lock = ending(nil) { ($0.causeDetail, $0.cause) = ("/var/db/orders", .lock) }
        #expect(lock == "\n", "only a system call is about something")
        let remote = ending(nil) {
            ($0.causeDetail, $0.cause) = ("Python's global lock", .lock)
            $0.process = RemoteProcessName(name: "api", identifier: 7)
        }
        #expect(remote == " on=\"Python's global lock\"\n", "of a lock in another process something may be known")
        let long = ending(nil) { $0.causeDetail = "/" + String(repeating: "é", count: 400) + "/end" }
        #expect(
            long.utf8.count < Limits.nameBytesInLine + 10 && long.hasPrefix(" on=...é") && long.hasSuffix("é/end\n")
        )
    }

    @Test(
        "the line's callers are at most eight and 300 bytes, and cut names stay text",
        arguments: [1, 7, 30, 33, 299, 2_000]
    )
    func limits(_ bytes: Int) throws {
        for filling in ["x", "é", "🧵"] {
            let name = String(repeating: filling, count: bytes)
            let stack = Stack(frames: (0..<50).map { _ in Stacks.host(name) })
            let ending = ending(stack)
            let callers = try #require(ending.firstMatch(of: /via="(.*)"\n/)).1
            #expect(callers.utf8.count <= Limits.callersBytesInLine + 6)
            #expect(callers.matches(of: /\ <\ /).count <= Limits.callersInLine)
            #expect(callers.hasSuffix(" < ..."))
            #expect(!ending.unicodeScalars.contains("\u{FFFD}"))
            #expect(ending.utf8.count < 700)
        }
    }

    @Test("the object has the whole stack, byte for byte")
    func json() {
        var report = Snapshots.report()
        report.stack = Stack(
            frames: [Stacks.checkout.frames[0], Stacks.checkout.frames[1], Stacks.checkout.frames[7]],
            isTruncated: true
        )
        (report.causeDetail, report.stackOmitted) = ("timer", nil)
        let text = WarningJSONWriterTests.text { WarningJSONWriterTests.writer.write(report, into: &$0) }
        let frame =
            #"{"function":"innerBlocking()","file":"/src/api/Sources/api/Checkout.swift","line":14,"module":"api","#
            + #""offset":"0x1010","address":"0x555500001010","origin":"host","link":"call","uncertain":false}"#
        let identifier = Stack.identifier(of: report.stack?.fingerprint ?? 0)
        #expect(
            text.hasSuffix(
                #","stall":42,"cause_detail":"timer","at":\#(frame),"stack_id":"\#(identifier)","stack":["#
                    + #"{"function":"clock_nanosleep","module":"libc.so.6","offset":"0xd9","address":"0x7fff000000d9","#
                    + #""origin":"system","link":"call","uncertain":false},\#(frame),"#
                    + #"{"function":"Router.respond()","module":"api","offset":"0x1030","address":"0x555500001030","#
                    + #""origin":"host","link":"asynchronous","uncertain":true}],"stack_truncated":true}"#
            )
        )
    }

    @Test("line and object agree on what is there")
    func agreement() throws {
        for stack in [nil, Stacks.checkout, Stacks.parse, Stack(frames: [])] {
            for detail in [nil, "/file"] {
                for omitted in [nil, "moved"] {
                    for cause in [Cause.syscall("read"), .cpu] {
                        var report = Snapshots.report()
                        (report.stack, report.causeDetail, report.stackOmitted, report.cause) =
                            (stack, detail, omitted, cause)
                        let line = WarningLineWriterTests.line(report)
                        let value = try value(report)
                        #expect(line.contains(" on=") == (value["cause_detail"] != nil))
                        #expect(line.contains(" at=") == (value["at"] != nil))
                        #expect(line.contains(" stack=") == (value["stack_omitted"] != nil))
                        #expect((stack != nil) == (value["stack"] != nil))
                        #expect((stack != nil) == (value["stack_truncated"] != nil))
                        #expect(value["stack_id"] == stack.map { .string(Stack.identifier(of: $0.fingerprint)) })
                    }
                }
            }
        }
    }

    @Test(
        "no name makes a second line or a further field, and the object has it as it was",
        arguments: Snapshots.hostileNames
    )
    func hostileNames(_ name: String) throws {
        var report = Snapshots.report()
        report.stack = Stacks.profile(named: name).top().first?.stack
        (report.stackOmitted, report.causeDetail) = (name, name)
        let line = WarningLineWriterTests.line(report)
        #expect(line.utf8.count { $0 == 0x0A } == 1)
        #expect(line.unicodeScalars.dropLast().allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        let value = try value(report)
        #expect(value["at"]?["function"] == .string(name))
        #expect(value["at"]?["file"] == .string(name))
        #expect(value["at"]?["module"] == .string(name))
        #expect(value["stack_omitted"] == .string(name))
        #expect(value["cause_detail"] == .string(name))
    }

    @Test("random names never break the line or the object", arguments: 0..<50)
    func randomNames(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<20 {
            let name = Stacks.randomName(using: &generator)
            var report = Snapshots.report()
            report.stack = Stacks.profile(named: name).top().first?.stack
            report.stackOmitted = name
            let line = WarningLineWriterTests.line(report)
            #expect(line.utf8.count { $0 == 0x0A } == 1, "\(name.debugDescription)")
            #expect(try value(report)["at"]?["function"] == .string(name), "\(name.debugDescription)")
        }
    }

    @Test("a stack that is too large loses its outer frames and says so")
    func largeStack() throws {
        var report = Snapshots.report()
        let name = String(repeating: "\u{1}", count: 5_000)
        report.stack = Stack(frames: (0..<300).map { _ in Stacks.host(name, (name, .max)) })
        var bytes: [UInt8] = []
        WarningJSONWriterTests.writer.write(report, into: &bytes)
        #expect(bytes.count < Limits.stackBytesInReport + 48 * 1_024)
        let value = try JSONValue.parse(bytes)
        #expect(value["stack_truncated"] == .boolean(true))
        report.stack = Stack(frames: (0..<300).map { _ in Stacks.host("f") })
        guard case .array(let frames) = try self.value(report)["stack"] else {
            Issue.record("no frames")
            return
        }
        #expect((200...Limits.framesInStack).contains(frames.count))
    }

    @Test("1,024 reports with large stacks make a document that is short enough, in which the latest have their frames")
    func largeDocument() throws {
        let stack = Stack(
            frames: (0..<120).map { Stacks.host("f\($0)" + String(repeating: "x", count: 100), ("F", 1)) }
        )
        let reports = (1...Limits.warningsKept).map { number in
            var report = Snapshots.report()
            report.sequence = UInt64(number)
            report.stack = stack
            return report
        }
        var bytes: [UInt8] = []
        WarningJSONWriterTests.writer.writeDocument(reports, oldest: 1, newest: 1_024, lost: 0, into: &bytes)
        #expect(bytes.count < 4 * 1_024 * 1_024)
        guard case .array(let warnings) = try JSONValue.parse(bytes)["warnings"] else {
            Issue.record("no warnings")
            return
        }
        #expect(warnings.count == reports.count)
        let first = try #require(warnings.firstIndex { $0["stack"] != nil })
        #expect(first > 0 && warnings[first...].allSatisfy { $0["stack"] != nil && $0["stack_omitted"] == nil })
        #expect(warnings[..<first].allSatisfy { $0["stack_omitted"] == .string("the answer is too long") })
        #expect(warnings.allSatisfy { $0["stack_id"] != nil && $0["at"] != nil })
        var lines: [UInt8] = []
        WarningJSONWriterTests.writer.writeLines(reports, into: &lines)
        #expect(lines.split(separator: 0x0A).map { Array($0) }.count == reports.count)
        #expect(lines.count < 4 * 1_024 * 1_024)
    }
}
