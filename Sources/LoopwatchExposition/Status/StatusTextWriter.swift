// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes the status as plain text, for `curl`.
package enum StatusTextWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "text/plain; charset=utf-8"

    /// Appends the status.
    ///
    /// - Parameter reports: the latest reports in ascending order; the last ones are shown.
    package static func write(_ snapshot: WatchSnapshot, reports: [StallReport], into buffer: inout [UInt8]) {
        let rows = StatusRow.all(of: snapshot)
        buffer.append(text: "loopwatch ")
        buffer.append(logfmtValue: snapshot.build.version)
        buffer.append(text: " watching ")
        buffer.append(logfmtValue: snapshot.process)
        buffer.append(text: " at ")
        buffer.append(timestampOfUnixNanoseconds: snapshot.unixNanoseconds)
        buffer.append(text: "\n\n")
        appendBlocked(rows, to: &buffer)
        for component in snapshot.components where !component.isUp {
            buffer.append(text: "NOT RUNNING: ")
            buffer.append(logfmtValue: component.name)
            buffer.append(0x0A)
        }
        if !rows.isEmpty {
            buffer.append(0x0A)
            appendTable(rows, to: &buffer)
        }
        appendAccounting(snapshot.pools, to: &buffer)
        buffer.append(text: "\nlatest warnings\n")
        if reports.isEmpty { buffer.append(text: "none\n") }
        for report in StatusText.shown(reports) { WarningLineWriter.write(report, into: &buffer) }
        buffer.append(0x0A)
        for (path, meaning) in StatusText.links {
            append([path], widths: [19], to: &buffer)
            buffer.append(text: "  ")
            buffer.append(text: meaning)
            buffer.append(0x0A)
        }
    }

    /// Appends what is blocked now.
    private static func appendBlocked(_ rows: [StatusRow], to buffer: inout [UInt8]) {
        let blocked = rows.filter { $0.blockedNanoseconds != nil }
        if blocked.isEmpty { buffer.append(text: "nothing is blocked now\n") }
        for row in blocked {
            buffer.append(text: "BLOCKED NOW: ")
            buffer.append(text: row.subject)
            buffer.append(0x20)
            buffer.append(logfmtValue: row.name)
            buffer.append(text: " for ")
            buffer.append(text: StatusRow.duration(row.blockedNanoseconds ?? 0))
            if let cause = row.cause {
                buffer.append(text: " cause=")
                buffer.append(logfmtValue: cause)
            }
            buffer.append(0x0A)
        }
    }

    /// Appends how Swift's pool is accounted.
    private static func appendAccounting(_ pools: [PoolSnapshot], to buffer: inout [UInt8]) {
        for pool in pools {
            guard let text = StatusText.accounting(of: pool) else { continue }
            buffer.append(text: "\npool ")
            buffer.append(logfmtValue: pool.name)
            buffer.append(text: " is \(text)\n")
        }
    }

    /// Appends the table of targets, with columns as wide as their widest cell.
    private static func appendTable(_ rows: [StatusRow], to buffer: inout [UInt8]) {
        var table = [["target", "name"] + StatusRow.headings]
        for row in rows {
            var name: [UInt8] = []
            name.append(logfmtValue: row.name)
            table.append([row.subject, String(decoding: name, as: UTF8.self)] + row.cells)
        }
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        for cells in table {
            append(cells, widths: widths, to: &buffer)
            buffer.append(0x0A)
        }
    }

    /// Appends cells, each but the last filled up to its column's width.
    private static func append(_ cells: [String], widths: [Int], to buffer: inout [UInt8]) {
        for (index, cell) in cells.enumerated() {
            buffer.append(text: cell)
            if index == widths.count - 1, widths.count > 1 { continue }
            let padding = max(0, widths[index] - cell.count) + (widths.count > 1 ? 2 : 0)
            buffer.append(contentsOf: repeatElement(0x20, count: padding))
        }
    }
}
