// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("Logs of warnings")
struct StallLogTests {
    /// Reads lines, and sums them up.
    static func log(_ lines: [String]) -> StallLog {
        var log = StallLog()
        var reader = WarningLogReader()
        for line in lines { reader.read(Array(line.utf8)[...]) { log.add($0) } }
        return log
    }

    /// The reports of one stall.
    static func stall(
        _ number: UInt64,
        at seconds: Int64 = 0,
        milliseconds: [Int64] = [100, 200, 312],
        _ change: (inout StallReport) -> Void = { _ in }
    ) -> [StallReport] {
        milliseconds.enumerated().map { index, length in
            Written.report {
                ($0.stall, $0.stack) = (number, Written.stack)
                $0.beganUnixNanoseconds += seconds * 1_000_000_000
                $0.durationNanoseconds = length * 1_000_000
                $0.unixNanoseconds = $0.beganUnixNanoseconds + length * 1_000_000
                $0.state = index == milliseconds.count - 1 ? .ended : index == 0 ? .begun : .ongoing
                change(&$0)
            }
        }
    }

    @Test("counts that no log can have are summed up to the largest number, and nothing traps")
    func hugeCounts() {
        let lines = (0..<2).map { index in
            "2026-11-24T00:14:0\(index).000Z WARN loop blocked for 448ms target=a state=ongoing cause=lock stall=2 "
                + "suppressed=\(UInt64.max - 1)"
        }
        #expect(BlockedTimeSummary(Self.log(lines)).suppressed == .max)
        let others = lines.map { $0.replacing("stall=2", with: "stall=3") }
        #expect(BlockedTimeSummary(Self.log(lines + others)).suppressed == .max)
        var reader = WarningLogReader()
        let huge = #"{"event":"gap","missed":18446744073709551615}"#
        for line in [huge, huge, #"{"schema":1,"lost":1,"warnings":[]}"#] {
            reader.read(Array(line.utf8)[...]) { _ in }
        }
        #expect(reader.counts.missed == .max)
    }

    @Test("a log in which all stalls have one number is read in no time, and what cannot be told apart is left out")
    func sameNumber() {
        let runs = (0..<Int64(20_000)).flatMap { Self.stall(1, at: $0 * 60, milliseconds: [100]) }
        var log = StallLog()
        let began = ContinuousClock.now
        var reader = WarningLogReader()
        for report in runs { reader.read(Array(Written.line(report).utf8)[...]) { log.add($0) } }
        #expect(log.stalls.count == 20_000)
        // Each compared with all others took minutes.
        #expect(ContinuousClock.now - began < .seconds(180))
        let alike = (0..<Int32(Limits.logStallsAlike + 10)).flatMap { thread in
            Self.stall(1, milliseconds: [100]) { $0.threadIdentifier = 10_000 + thread }
        }
        let full = Self.log(alike.map { Written.line($0) })
        #expect(full.stalls.count == Limits.logStallsAlike)
        #expect(full.leftOut == 10)
    }

    @Test("the lines of one stall count once, in any order, twice over, and as text and JSON")
    func once() {
        let reports = Self.stall(1) + Self.stall(2, at: 10)
        let lines = reports.map { Written.line($0) }
        let objects = reports.map { Written.json($0) }
        for all in [lines, lines.reversed(), lines + lines, objects, objects + objects.reversed(), lines + objects] {
            let summary = BlockedTimeSummary(Self.log(all))
            #expect(summary.stalls == 2)
            #expect(summary.nanoseconds == 624_000_000)
            #expect(summary.culprits.map(\.place) == ["innerBlocking() Checkout.swift:14"])
            #expect(summary.culprits.first?.unfinished == 0)
        }
    }

    @Test("stalls of the same number in another run, thread or process are others")
    func others() {
        let first = Self.stall(1)
        // The program was started again, and its numbers began anew.
        #expect(BlockedTimeSummary(Self.log((first + Self.stall(1, at: 60)).map { Written.line($0) })).stalls == 2)
        let run = first.map { Written.json($0) } + first.map { Written.json($0, run: "ffff0000") }
        #expect(BlockedTimeSummary(Self.log(run)).stalls == 2)
        let workers = first + Self.stall(1) { $0.threadIdentifier = 5_000 }
        #expect(BlockedTimeSummary(Self.log(workers.map { Written.line($0) })).stalls == 2)
        let processes = [77, 78].flatMap { identifier in
            Self.stall(1) {
                $0.process = RemoteProcessName(name: "api", identifier: Int32(identifier))
                $0.evidence = .exact
            }
        }
        let summary = BlockedTimeSummary(Self.log(processes.map { Written.line($0) }))
        #expect(summary.stalls == 2 && summary.culprits.first?.targets.keys.sorted() == ["api/http-0"])
    }

    @Test("a stall without an end counts as far as it is known, and says so")
    func unfinished() {
        let lines = Self.stall(1).dropLast().map { Written.line($0) }
        let culprit = BlockedTimeSummary(Self.log(lines)).culprits.first
        #expect(culprit?.nanoseconds == 200_000_000 && culprit?.unfinished == 1)
    }

    @Test("culprits come by blocked time, with their causes, targets and times; a limit and a time choose")
    func summary() throws {
        let other = Stack(frames: [StackFrame(function: "parse()", module: "api", origin: .host)])
        let reports =
            Self.stall(1) + Self.stall(2, at: 10) { $0.target = "http-1" }
            + Self.stall(3, at: 20, milliseconds: [900]) { ($0.stack, $0.cause) = (other, .cpu) }
            + Self.stall(4, at: 30, milliseconds: [150]) { ($0.stack, $0.suppressed) = (nil, 5) }
            + [
                Written.report {
                    ($0.kind, $0.subject, $0.severity, $0.cause, $0.stall) = (
                        .interruption, .process, nil, .suspended, 9
                    )
                }
            ]
        let log = Self.log((reports + reports).map { Written.line($0) })
        let summary = BlockedTimeSummary(log)
        #expect(summary.culprits.map(\.place) == ["parse()", "innerBlocking() Checkout.swift:14", "(no stack)"])
        #expect(summary.culprits.map(\.stalls) == [1, 2, 1])
        #expect(summary.suppressed == 5 && summary.interruptions == 1)
        #expect(summary.culprits[1].targets == ["http-0": 312_000_000, "http-1": 312_000_000])
        #expect(summary.culprits[0].causes == ["cpu": 900_000_000])
        #expect(abs(summary.share(of: summary.culprits[0]) - 900.0 / 1_674) < 0.001)
        let text = SummaryTextWriter.text(summary, ReadingResult(files: 2), limit: 1)
        #expect(text.hasPrefix("4 stalls, blocked for 1.67s in all, in 2 files\nfrom 2026-11-22T19:00:00Z to "))
        #expect(text.contains("  1  53.8%  900ms in 1 stall; cpu\n    parse()\n    on http-0; "))
        #expect(text.contains("\n2 more; --limit 3 shows them\n"))
        #expect(text.contains("1 time a whole process stood still or got no CPU, for 312ms"))
        #expect(text.contains("5 stalls more were not written because of the rate limit"))
        let document = SummaryJSONWriter.text(summary, ReadingResult(files: 2), limit: 9)
        let json = try #require(JSON5Value(json: document.utf8))
        #expect(json["stalls"]?.integer == 4 && json["blocked_ms"]?.number == 1_674)
        let culprits = json["culprits"]?.elements ?? []
        #expect(culprits.map { $0["at"]?.string } == summary.culprits.map(\.place))
        #expect(culprits.first?["share"]?.number == 0.5376)
        #expect(culprits.first?["causes"]?.elements.first?["cause"]?.string == "cpu")
        let began = reports[0].beganUnixNanoseconds
        let part = BlockedTimeSummary(log, since: began + 5_000_000_000, until: began + 25_000_000_000)
        #expect(part.culprits.map(\.stalls) == [1, 1] && part.stalls == 2)
    }

    @Test("the profile weighs stacks by blocked time, from frames in full and from those that a line names")
    func profile() {
        let folded = LogProfile.profile(of: Self.log(Self.stall(1).map { Written.json($0) }))
        #expect(folded.top().first?.totalNanoseconds == 312_000_000)
        #expect(folded.top().first?.stack.frames.count == 5)
        let named = LogProfile.profile(of: Self.log(Self.stall(1).map { Written.line($0) }))
        #expect(
            named.top().first?.stack.frames.map(\.function) == [
                "innerBlocking()", "checkout(_:as:)", "Router.respond()",
            ]
        )
        #expect(LogProfile.cause("syscall:read") == .syscall("read") && LogProfile.cause("new") == .unknown)
    }

    @Test("lines are split whatever the pieces, and one without end is not kept for ever")
    func lines() {
        let text = Array("one\r\n\ntwo\nthree".utf8)
        for size in 1...text.count {
            var splitter = LineSplitter()
            var lines: [String] = []
            for start in stride(from: 0, to: text.count, by: size) {
                splitter.add(text[start..<min(start + size, text.count)]) {
                    lines.append($0.map { String(decoding: $0, as: UTF8.self) } ?? "too long")
                }
            }
            #expect(lines == ["one", "", "two"] && String(decoding: splitter.rest, as: UTF8.self) == "three")
        }
        var splitter = LineSplitter(limit: 4)
        var lines: [String?] = []
        for piece in ["ab", "cd", "ef", "gh\nok\n", "toolong\n"] {
            splitter.add(Array(piece.utf8)[...]) { lines.append($0.map { String(decoding: $0, as: UTF8.self) }) }
        }
        #expect(lines == [nil, "ok", nil])
    }
}

/// The command `report` as a user runs it.
@Suite("Reports of logs", .timeLimit(.minutes(10)))
struct ReportCommandTests {
    @Test("are of rotated, gzipped and cut-off files in any order, and of standard input")
    func files() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let first = StallLogTests.stall(1).map { Written.line($0) + "\n" }.joined()
            let second = StallLogTests.stall(2, at: 10).map { Written.json($0) + "\n" }.joined()
            // The last line is cut off; the two before it are whole.
            let cut = StallLogTests.stall(3, at: 20).map { Written.line($0) }
            let third = "\(cut[0])\n\(cut[1])\n\(cut[2].prefix(60))"
            try folder.write("w.log", third)
            try folder.write("w.log.1", "loopwatch: watching api\n" + second + "some other line\n")
            try folder.write("w.log.2", first)
            var gzip = try ChildProcess(["-9", folder.path("w.log.2")], program: "/bin/gzip")
            #expect(try gzip.end() == 0)
            let paths = ["w.log", "w.log.2.gz", "w.log.1"].map { folder.path($0) }
            var report = try ChildProcess(["report"] + paths)
            #expect(try report.end() == 0, "\(report.errors())")
            let text = report.lines.joined(separator: "\n")
            #expect(text.hasPrefix("3 stalls, blocked for 824ms in all, in 3 files\n"), "\(text)")
            #expect(
                text.contains("100.0%  824ms in 3 stalls, the longest 312ms, 1 without an end; syscall:clock_nanosleep")
            )
            #expect(text.contains("\n    innerBlocking() Checkout.swift:14\n    on http-0; 2026-11-22T19:00:00Z to "))
            #expect(text.hasSuffix("1 line is no warning\n1 file ends in the middle of a line"), "\(text)")
            var input = try ChildProcess(["report", "-", "--folded"])
            for line in second.split(separator: "\n") { input.tell(String(line)) }
            input.endInput()
            #expect(try input.end() == 0)
            #expect(
                input.lines == [
                    "http-0;Router.respond() [async];checkout(_:as:);innerBlocking();clock_nanosleep 312000"
                ]
            )
            var graph = try ChildProcess(["report", folder.path("w.log.1"), "--flamegraph"])
            #expect(try graph.end() == 0)
            #expect(graph.lines.first?.hasPrefix("<svg ") == true && graph.lines.last == "</svg>")
        }
    }

    @Test("say where a compressed file is cut off, and that gzip is missing")
    func damaged() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            // Much that differs, so that something is left of the cut file.
            let lines = (1...400).flatMap {
                StallLogTests.stall(UInt64($0), at: Int64($0)).map { Written.line($0) + "\n" }
            }
            try folder.write("w.log", lines.joined())
            var gzip = try ChildProcess(["-1", folder.path("w.log")], program: "/bin/gzip")
            #expect(try gzip.end() == 0)
            let path = folder.path("w.log.gz")
            #expect(truncate(path, 5_000) == 0)
            var report = try ChildProcess(["report", path])
            #expect(try report.end() == 0)
            #expect(
                report.errors() == "loopwatch: \(path): it is damaged or cut off, and was read as far as it goes.\n"
            )
            #expect(report.lines.first?.contains(" stalls, blocked for ") == true)
            var without = try ChildProcess(["report", path], environment: ["PATH": "/nowhere"])
            #expect(try without.end() == ExitCode.unavailable.rawValue)
            #expect(without.errors().hasPrefix("loopwatch: \(path) is compressed, and there is no gzip;"))
        }
    }
}
