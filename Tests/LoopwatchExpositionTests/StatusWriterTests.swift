// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@testable import struct LoopwatchExposition.StatusRow

@Suite("The status as page and as text")
struct StatusWriterTests {
    /// The page of a snapshot.
    static func page(_ snapshot: WatchSnapshot, reports: [StallReport] = []) -> String {
        var bytes: [UInt8] = []
        let status = WatchStatus(
            snapshot: snapshot,
            history: WatchHistory(now: MonotonicInstant(nanoseconds: 0)),
            reports: reports,
            now: MonotonicInstant(nanoseconds: 1_000_000_000)
        )
        StatusPageWriter.write(status, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The page without its style and its script, which are the same for every snapshot.
    static func document(_ snapshot: WatchSnapshot, reports: [StallReport] = []) -> String {
        page(snapshot, reports: reports)
            .replacing(/<(style|script)>.*?<\/(style|script)>/.dotMatchesNewlines(), with: "")
    }

    /// The text of a snapshot.
    static func text(_ snapshot: WatchSnapshot, reports: [StallReport] = []) -> String {
        var bytes: [UInt8] = []
        StatusTextWriter.write(snapshot, reports: reports, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("page and text are as they were agreed")
    func golden() throws {
        let reports = [Snapshots.report()]
        // The policy has the hashes of the style and the script.
        let document = Self.document(Snapshots.rich(), reports: reports)
        try Fixture.expect(Array(document.utf8), toEqual: "golden-status.html")
        try Fixture.expect(Array(Self.text(Snapshots.rich(), reports: reports).utf8), toEqual: "golden-status.txt")
    }

    @Test("what is blocked now comes first, and so does what is down")
    func blocked() {
        let page = Self.page(Snapshots.rich())
        #expect(page.contains("loop <bdi>main</bdi></b> is blocked"))
        #expect(page.contains("Not running: log") && !page.contains("Not running: http"))
        let text = Self.text(Snapshots.rich())
        #expect(text.contains("BLOCKED NOW: pool default for 1250ms cause=starvation\n"))
        #expect(text.contains("NOT RUNNING: log\n"))
    }

    @Test("with nothing registered both say so")
    func empty() {
        #expect(Self.page(Snapshots.empty()).contains("Nothing is blocked now."))
        #expect(Self.page(Snapshots.empty()).contains("none is registered"))
        #expect(Self.text(Snapshots.empty()).contains("nothing is blocked now\n"))
        #expect(Self.text(Snapshots.empty()).contains("latest warnings\nnone\n"))
    }

    @Test("the page links to the other resources")
    func links() {
        let page = Self.page(Snapshots.rich())
        for path in ["metrics", "warnings", "livez", "readyz"] { #expect(page.contains("<a href=\"\(path)\">")) }
    }

    @Test("the latest warnings come first, and no more than 50 of them")
    func warnings() {
        let reports = (1...60).map { number in
            var report = Snapshots.report()
            report.stall = UInt64(number)
            return report
        }
        let text = Self.text(Snapshots.empty(), reports: reports)
        let stalls = text.matches(of: /stall=([0-9]+)\n/).map(\.1)
        #expect(stalls.count == 50)
        #expect(stalls.first == "60" && stalls.last == "11")
        // The page has as many as there is room for.
        let shown = Self.page(Snapshots.empty(), reports: reports).matches(of: /stall=([0-9]+)</).map(\.1)
        #expect(shown.count > 8)
        #expect(shown == Array(stalls.prefix(shown.count)))
    }

    @Test("no name breaks out of the page or makes a line of the text", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) {
        var plain = Snapshots.rich()
        plain.components = [.init(name: "x", isUp: false)]
        var hostile = plain
        hostile.process = name
        hostile.loops[0].name = name
        hostile.loops[0].currentCause = .syscall(name)
        hostile.components[0].name = name
        hostile.build.version = name
        var report = Snapshots.report()
        report.target = name
        let page = Self.page(hostile, reports: [report])
        let expected = Self.page(plain, reports: [Snapshots.report()])
        for character in "<>\n" { #expect(page.count { $0 == character } == expected.count { $0 == character }) }
        let controls = page.unicodeScalars.filter { $0.value < 0x20 && $0 != "\n" || (0x7F...0x9F).contains($0.value) }
        #expect(controls.isEmpty)
        let lines = Self.text(hostile, reports: [report]).utf8.count { $0 == 0x0A }
        #expect(lines == Self.text(plain, reports: [Snapshots.report()]).utf8.count { $0 == 0x0A })
    }

    @Test(
        "durations for people",
        arguments: [
            (-1, "0"), (0, "0"), (1, "1us"), (42_000, "42us"), (1_250_000, "1.25ms"), (312_400_000, "312ms"),
            (9_999_000_000, "9999ms"), (12_500_000_000, "12.5s"), (7_500_000_000_000, "2h05m"),
            (.max, "2562047h47m"),
        ] as [(Int64, String)]
    )
    func durations(_ nanoseconds: Int64, _ expected: String) {
        #expect(StatusRow.duration(nanoseconds) == expected)
    }
}
