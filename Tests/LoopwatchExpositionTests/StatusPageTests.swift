// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@testable import enum LoopwatchExposition.Base64
@testable import enum LoopwatchExposition.SHA256

@Suite("The page")
struct StatusPageTests {
    /// What stands between two marks.
    private static func part(of page: String, from start: String, to end: String) throws -> String {
        let parts = page.split(separator: start, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "\(start) is there \(parts.count - 1) times")
        return String(try #require(parts[1].split(separator: end, omittingEmptySubsequences: false).first))
    }

    private static var policy: String {
        StatusPageWriter.headers.first { $0.name == "Content-Security-Policy" }?.value ?? ""
    }

    @Test("the policy names the style and the script that are served, and allows nothing else")
    func policy() throws {
        let page = StatusWriterTests.page(Snapshots.rich())
        for (directive, start, end) in [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")] {
            let text = try Self.part(of: page, from: start, to: end)
            let hash = Base64.text(of: SHA256.digest(of: Array(text.utf8)))
            #expect(Self.policy.contains("\(directive) 'sha256-\(hash)';"))
        }
        #expect(Self.policy.hasPrefix("default-src 'none'; "))
        #expect(!Self.policy.contains("unsafe") && !Self.policy.contains("*") && !Self.policy.contains("http"))
        #expect(page.matches(of: /[ ]on[a-z]+=|[ ]style=|javascript:/).isEmpty)
    }

    @Test("it refers to nothing outside of the endpoint")
    func selfContained() {
        let page = StatusWriterTests.page(Snapshots.rich(), reports: [Snapshots.report()])
        // A name of XML, which nothing is loaded from.
        let rest = page.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!rest.contains("http://") && !rest.contains("https://") && !rest.contains("//www"))
        #expect(!rest.contains("src=") && !rest.contains("@import") && !rest.contains("url("))
        // Relative, for a proxy that serves it under another path.
        #expect(page.matches(of: /href="\//).isEmpty)
    }

    @Test("names are never parsed as HTML by the script")
    func noParsing() throws {
        let script = try Self.part(of: StatusWriterTests.page(Snapshots.empty()), from: "<script>", to: "</script>")
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"] {
            #expect(!script.contains(way))
        }
        #expect(Self.policy.contains("require-trusted-types-for 'script'"))
    }

    @Test("it takes less than 100 KB, with a thousand targets of long names and the longest warnings too")
    func size() {
        var status = Snapshots.large(loops: 1_024, pools: 64)
        for index in status.loops.indices {
            status.loops[index].name = String(repeating: "<", count: Limits.targetNameBytes - 6) + "\(index)"
        }
        let long = String(repeating: "\"", count: Limits.nameBytesInStack)
        let reports = (0..<200).map { number in
            var report = Snapshots.report()
            report.sequence = UInt64(number)
            report.target = long
            report.stack = Stack(frames: (0..<40).map { _ in Stacks.host(long, (long, 1)) })
            return report
        }
        let small = StatusWriterTests.page(Snapshots.rich()).utf8.count
        let large = StatusWriterTests.page(status, reports: reports)
        #expect(small < 64_000, "\(small)")
        #expect(large.utf8.count < 100_000, "\(large.utf8.count)")
        #expect(large.contains(" more are in <a href=\"status\">status</a>."))
    }

    @Test("without a script the tables have every target, escaped, with its numbers")
    func tables() throws {
        var snapshot = Snapshots.complete()
        snapshot.loops[1].name = "<b>\"http\"&co"
        let page = StatusWriterTests.page(snapshot)
        #expect(page.contains("<bdi>&lt;b&gt;&quot;http&quot;&amp;co</bdi>"))
        for name in ["main", "default", "files", "uvicorn/anyio"] {
            #expect(page.contains("<th scope=row><bdi>\(name)</bdi>"))
        }
        #expect(page.contains("<small>pid 100; 40 threads of AnyIO</small>"))
        #expect(page.contains("<td data-label=\"busy threads\">38 of 40</td>"))
        #expect(page.contains("<td class=state>blocked 1250ms</td>"))
        #expect(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"))
        #expect(page.matches(of: /<tr[ >]/).count == page.matches(of: /<\/tr>/).count)
    }

    @Test("what is blocked comes first: for how long, why, and at which line")
    func now() throws {
        var report = Snapshots.report()
        report.state = .begun
        report.target = "main"
        report.stack = Stacks.checkout
        let page = StatusWriterTests.page(Snapshots.rich(), reports: [report])
        let now = try Self.part(of: page, from: "<div id=now-list>", to: "</section>")
        #expect(now.contains("1250ms</p><p><b>loop <bdi>main</bdi></b> is blocked</p>"))
        #expect(now.contains("<p class=\"where mono\">innerBlocking() Checkout.swift:14</p>"))
        #expect(now.contains("syscall:clock_nanosleep &#183; since 2026-"))
        #expect(now.contains("pool <bdi>default</bdi></b> is blocked"))
    }

    @Test("a warning opens to its stack, with the frame to blame marked")
    func warning() {
        var report = Snapshots.report()
        report.stack = Stacks.checkout
        let page = StatusWriterTests.page(Snapshots.empty(), reports: [report])
        #expect(page.contains("<li class=at>innerBlocking() Checkout.swift:14 <small>api</small></li>"))
        #expect(page.contains("<li><small>awaited by</small> handleRequest() Server.swift:7"))
    }
}
