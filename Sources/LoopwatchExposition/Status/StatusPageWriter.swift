// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Writes the status as one self-contained HTML page: whole without a script, and kept current by one.
package enum StatusPageWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "text/html; charset=utf-8"

    /// Headers that an answer with the page carries besides those of every answer.
    ///
    /// Nothing is loaded but from the endpoint itself, and no script runs and no style applies but the page's own, which are
    /// named by their hashes: a hole in the escaping would do nothing.
    package static let headers: [(name: String, value: String)] = [
        (name: "Content-Security-Policy", value: policy), (name: "X-Frame-Options", value: "DENY"),
        (name: "Referrer-Policy", value: "no-referrer"),
    ]

    private static let policy = [
        "default-src 'none'", "script-src '\(hash(of: PageScript.text))'", "style-src '\(hash(of: PageStyle.text))'",
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    private static func hash(of text: String) -> String {
        "sha256-" + Base64.text(of: SHA256.digest(of: Array(text.utf8)))
    }

    /// Appends the page.
    package static func write(_ status: WatchStatus, into buffer: inout [UInt8]) {
        let snapshot = status.snapshot
        let (loops, pools) = (status.loops, status.pools)
        buffer.append(text: head)
        buffer.append(text: "<title>")
        buffer.append(htmlText: snapshot.process)
        buffer.append(text: " - loopwatch</title>\n<style>" + PageStyle.text + "</style>\n")
        buffer.append(text: "<a class=skip href=\"#now\">Skip to what is blocked</a>\n<header><h1><bdi>")
        buffer.append(htmlText: snapshot.process)
        buffer.append(text: "</bdi></h1><p class=meta><span>loopwatch ")
        buffer.append(htmlText: snapshot.build.version)
        buffer.append(text: "</span><span id=clock>")
        buffer.append(timestampOfUnixNanoseconds: snapshot.unixNanoseconds)
        buffer.append(text: "</span><span id=connection></span></p></header>\n<main>\n")
        buffer.append(text: "<p id=stale class=alarm role=alert hidden></p>\n")
        buffer.append(text: "<p id=said-now class=hidden role=status aria-live=polite></p>\n")
        buffer.append(text: section("now", "Now") + "<div id=now-list>\n")
        PageNow.write(status, loops + pools, into: &buffer)
        buffer.append(text: "</div></section>\n" + section("loops", "Loops", count: loops.count))
        PageTables.write(loops, into: &buffer)
        buffer.append(text: "</section>\n" + section("pools", "Pools", count: pools.count))
        PageTables.write(pools, into: &buffer)
        buffer.append(text: "</section>\n" + section("warnings", "Latest warnings", count: nil))
        buffer.append(text: "<p id=gap class=note></p>\n<ol id=warnings-list class=list>\n")
        PageWarnings.write(status.reports, into: &buffer)
        buffer.append(text: "</ol>\n<p id=warnings-none class=note")
        buffer.append(text: status.reports.isEmpty ? ">None since it was started." : " hidden>")
        buffer.append(text: "</p></section>\n")
        buffer.append(text: flame)
        writeRemarks(on: snapshot, into: &buffer)
        buffer.append(text: "</main>\n<div id=tip class=js aria-hidden=true></div>\n<script>")
        buffer.append(text: PageScript.text)
        buffer.append(text: "</script>\n</html>\n")
    }

    /// Everything before the title.
    private static let head = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <noscript><meta http-equiv="refresh" content="5"></noscript>
        <link id="icon" rel="icon" href="data:,">

        """

    /// The beginning of a section with its heading.
    private static func section(_ id: String, _ title: String, count: Int? = nil) -> String {
        let counted = count.map { $0 == 0 ? "" : String($0) } ?? ""
        return "<section id=\(id) aria-labelledby=\(id)-title><div class=head><h2 id=\(id)-title>\(title)</h2>"
            + "<p id=\(id)-count>\(counted)</p></div>\n"
    }

    /// The flame graph: without a script, a link to its picture.
    private static let flame = """
        <section id="flame" aria-labelledby="flame-title"><div class="head"><h2 id="flame-title">Blocked time by stack</h2>
        <p class="js">widths are blocked time; what was called hangs below</p></div>
        <noscript><p><a href="profile?format=svg">The flame graph as a picture</a></p></noscript>
        <div class="head js"><select id="flame-target" aria-label="target"><option value="">every target</option></select>
        <select id="flame-cause" aria-label="cause"><option value="">every cause</option></select>
        <select id="flame-by" aria-label="grouped by"><option value="target">by target</option>
        <option value="cause">by cause</option><option value="both">by target and cause</option>
        <option value="">not grouped</option></select>
        <input id="flame-search" type="search" placeholder="search functions" aria-label="search functions">
        <button id="flame-reset" type="button" disabled>whole graph</button><p id="flame-found" role="status"></p></div>
        <p id="flame-none" class="js note">Nothing was blocked so far.</p>
        <div id="graph" class="js" role="group" aria-label="flame graph of blocked time: arrow keys move, Enter zooms in,
        Escape out" hidden></div>
        <p id="said" class="js mono"></p>
        <p class="js note key"><span class="host">your code</span><span class="library">library</span><span
        class="runtime">runtime</span><span class="dispatch">dispatch</span><span class="system">system</span><span
        class="unknown">unknown</span> dotted underline: asynchronous caller</p></section>

        """

    /// Appends what is said of targets beyond their numbers, and the other resources.
    private static func writeRemarks(on snapshot: WatchSnapshot, into buffer: inout [UInt8]) {
        buffer.append(text: section("more", "More"))
        let start = buffer.count
        for remark in StatusText.remarks(on: snapshot) {
            let before = buffer.count
            buffer.append(text: "<p>\(remark.subject) <bdi>")
            buffer.append(htmlText: remark.name)
            buffer.append(text: "</bdi> is ")
            buffer.append(htmlText: remark.text.clipped(toBytes: Limits.nameBytesInStack))
            buffer.append(text: "</p>\n")
            if buffer.count - start > Limits.pageRemarksBytes { buffer.removeSubrange(before...) }
        }
        buffer.append(text: "<ul class=plain>\n")
        for (path, meaning) in StatusText.links {
            // Relative, so that the page can stand behind a proxy under another path.
            buffer.append(text: "<li><a href=\"\(path.dropFirst())\">\(path)</a> \(meaning)</li>\n")
        }
        buffer.append(text: "</ul></section>\n")
    }
}
