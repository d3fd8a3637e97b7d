// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes the status as one self-contained HTML page, without a script.
package enum StatusPageWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "text/html; charset=utf-8"

    /// Headers that an answer with the page carries besides those of every answer.
    ///
    /// Nothing may be loaded and no script may run, so even a hole in the escaping would do nothing.
    package static let headers = [
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
    ]

    /// Appends the page.
    ///
    /// - Parameter reports: the latest reports in ascending order; the last ones are shown.
    package static func write(_ snapshot: WatchSnapshot, reports: [StallReport], into buffer: inout [UInt8]) {
        let rows = StatusRow.all(of: snapshot)
        buffer.append(text: head)
        buffer.append(text: "<title>")
        buffer.append(htmlText: snapshot.process)
        buffer.append(text: " - loopwatch</title>\n<h1>")
        buffer.append(htmlText: snapshot.process)
        buffer.append(text: "</h1>\n<p class=dim>loopwatch ")
        buffer.append(htmlText: snapshot.build.version)
        buffer.append(text: ", ")
        buffer.append(timestampOfUnixNanoseconds: snapshot.unixNanoseconds)
        buffer.append(text: "</p>\n")
        appendBlocked(rows, to: &buffer)
        appendDown(snapshot.components, to: &buffer)
        appendTable(rows, to: &buffer)
        appendAccounting(snapshot.pools, to: &buffer)
        appendWarnings(reports, to: &buffer)
        buffer.append(text: "<ul>\n")
        for (path, meaning) in StatusText.links {
            buffer.append(text: "<li><a href=\"\(path)\">\(path)</a> \(meaning)</li>\n")
        }
        buffer.append(text: "</ul>\n</html>\n")
    }

    /// Everything before the title.
    private static let head = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta http-equiv="refresh" content="2">
        <meta name="viewport" content="width=device-width">
        <style>
        :root { color-scheme: light dark }
        body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em; max-width: 75em }
        h1 { font-size: 1.4em; margin: 0 } h2 { font-size: 1.1em }
        table { border-collapse: collapse }
        th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap }
        th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left }
        pre { overflow-x: auto } .dim { color: GrayText; margin-top: 0 }
        .bad { background: #c22; color: #fff; padding: .4em .8em; font-weight: 600 }
        .good { background: #282; color: #fff; padding: .4em .8em }
        .blocked td { color: #c22; font-weight: 600 }
        </style>

        """

    /// Appends what is blocked now.
    private static func appendBlocked(_ rows: [StatusRow], to buffer: inout [UInt8]) {
        let blocked = rows.filter { $0.blockedNanoseconds != nil }
        if blocked.isEmpty { buffer.append(text: "<p class=good>nothing is blocked now</p>\n") }
        for row in blocked {
            buffer.append(text: "<p class=bad>\(row.subject) <bdi>")
            buffer.append(htmlText: row.name)
            buffer.append(text: "</bdi> has been blocked for ")
            buffer.append(text: StatusRow.duration(row.blockedNanoseconds ?? 0))
            if let cause = row.cause {
                buffer.append(text: " (")
                buffer.append(htmlText: cause)
                buffer.append(0x29)
            }
            buffer.append(text: "</p>\n")
        }
    }

    /// Appends the parts that were asked for and do not run.
    private static func appendDown(_ components: [ComponentSnapshot], to buffer: inout [UInt8]) {
        for component in components where !component.isUp {
            buffer.append(text: "<p class=bad>not running: ")
            buffer.append(htmlText: component.name)
            buffer.append(text: "</p>\n")
        }
    }

    /// Appends the table of targets.
    private static func appendTable(_ rows: [StatusRow], to buffer: inout [UInt8]) {
        if rows.isEmpty {
            buffer.append(text: "<p>no loop and no pool is registered</p>\n")
            return
        }
        buffer.append(text: "<table>\n<tr><th>target</th><th>name</th>")
        for heading in StatusRow.headings { buffer.append(text: "<th>\(heading)</th>") }
        buffer.append(text: "</tr>\n")
        for row in rows {
            buffer.append(text: row.blockedNanoseconds == nil ? "<tr>" : "<tr class=blocked>")
            buffer.append(text: "<td>\(row.subject)</td><td><bdi>")
            buffer.append(htmlText: row.name)
            buffer.append(text: "</bdi></td>")
            for cell in row.cells { buffer.append(text: "<td>\(cell)</td>") }
            buffer.append(text: "</tr>\n")
        }
        buffer.append(text: "</table>\n")
    }

    /// Appends how Swift's pool is accounted.
    private static func appendAccounting(_ pools: [PoolSnapshot], to buffer: inout [UInt8]) {
        for pool in pools {
            guard let text = StatusText.accounting(of: pool) else { continue }
            buffer.append(text: "<p>pool <bdi>")
            buffer.append(htmlText: pool.name)
            buffer.append(text: "</bdi> is ")
            buffer.append(htmlText: text)
            buffer.append(text: "</p>\n")
        }
    }

    /// Appends the latest warnings as the log has them.
    private static func appendWarnings(_ reports: [StallReport], to buffer: inout [UInt8]) {
        buffer.append(text: "<h2>latest warnings</h2>\n")
        if reports.isEmpty {
            buffer.append(text: "<p>none</p>\n")
            return
        }
        buffer.append(text: "<pre>\n")
        for report in StatusText.shown(reports) {
            var line: [UInt8] = []
            WarningLineWriter.write(report, into: &line)
            // The line feed is part of the line; the rest has nothing that cannot be shown.
            buffer.append(htmlText: String(decoding: line.dropLast(), as: UTF8.self))
            buffer.append(0x0A)
        }
        buffer.append(text: "</pre>\n")
    }
}
