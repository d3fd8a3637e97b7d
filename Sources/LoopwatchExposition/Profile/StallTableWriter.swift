// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a profile as a table for a terminal, and one of its groups in full.
package enum StallTableWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "text/plain; charset=utf-8"

    /// Appends the groups with the most blocked time.
    ///
    /// - Parameters:
    ///   - profile: what to write.
    ///   - limit: most groups.
    ///   - unixNanoseconds: Unix time of the profile.
    ///   - buffer: what to append to.
    package static func write(
        _ profile: StallProfile,
        limit: Int,
        unixNanoseconds: Int64,
        into buffer: inout [UInt8]
    ) {
        let total = profile.totalNanoseconds
        buffer.append(text: "blocked \(StatusRow.duration(total)) in \(profile.totalStalls) stalls from ")
        buffer.append(timestampOfUnixNanoseconds: profile.beganUnixNanoseconds)
        buffer.append(text: " to ")
        buffer.append(timestampOfUnixNanoseconds: unixNanoseconds)
        buffer.append(0x0A)
        for (what, stalls, nanoseconds) in [
            ("without a stack", profile.unattributedStalls, profile.unattributedNanoseconds),
            ("with stacks that were forgotten", profile.evictedStalls, profile.evictedNanoseconds),
        ] where stalls > 0 || nanoseconds > 0 {
            buffer.append(text: "\(what): \(StatusRow.duration(nanoseconds)) in \(stalls) stalls\n")
        }
        let entries = profile.top(limit)
        guard !entries.isEmpty else {
            buffer.append(text: "no stack was captured so far\n")
            return
        }
        buffer.append(0x0A)
        var table = [["blocked", "share", "stalls", "longest", "cause", "target", "id", "where"]]
        table += entries.map { row(of: $0, total: total) }
        append(table, to: &buffer)
        if entries.count < profile.count {
            buffer.append(text: "\nand \(profile.count - entries.count) more; ?limit=N shows more\n")
        }
        buffer.append(text: "\n/stalls/ID shows the stack\n")
    }

    /// Appends one group: its numbers, who was blocked and why, and its stack.
    ///
    /// A `>` marks the frame to blame, `<~` an asynchronous caller, `?` a frame found by weaker evidence than a proof.
    package static func write(_ entry: StallProfile.Entry, into buffer: inout [UInt8]) {
        buffer.append(text: "stack \(entry.identifier)\nblocked \(StatusRow.duration(entry.totalNanoseconds)) in ")
        buffer.append(text: "\(entry.stalls) stalls, longest \(StatusRow.duration(entry.longestNanoseconds)), ")
        buffer.append(text: "\(entry.samples) samples from ")
        buffer.append(timestampOfUnixNanoseconds: entry.firstUnixNanoseconds)
        buffer.append(text: " to ")
        buffer.append(timestampOfUnixNanoseconds: entry.lastUnixNanoseconds)
        buffer.append(text: "\n\n")
        var shares = [["blocked", "stalls", "cause", "target"]]
        for share in entry.shares {
            let target = share.target.map { "\(share.subject.rawValue) \(shown($0))" } ?? ProfileName.otherTargets
            shares.append([StatusRow.duration(share.nanoseconds), String(share.stalls), shown(share.cause), target])
        }
        append(shares, to: &buffer)
        buffer.append(text: "\n")
        let blamed = entry.stack.blamedIndex
        var frames: [[String]] = []
        for (index, frame) in entry.stack.frames.prefix(Limits.framesInStack).enumerated() {
            let mark = index == blamed ? ">" : frame.link == .asynchronous ? "<~" : frame.link == .inlined ? "in" : ""
            let name = ProfileName.of(frame) + (frame.isUncertain ? "?" : "")
            var place = frame.file.map { $0.clippedAtStart(toBytes: Limits.nameBytesInStack) } ?? ""
            if let line = frame.line, !place.isEmpty { place += ":\(line)" }
            let offset = frame.module + "+0x" + String(frame.moduleOffset, radix: 16)
            frames.append([String(index), mark, shown(name), place.isEmpty ? "" : shown(place), shown(offset)])
        }
        append(frames, to: &buffer)
        if entry.stack.isTruncated || frames.count < entry.stack.frames.count {
            buffer.append(text: "the outer frames are missing\n")
        }
    }

    /// The cells of one group.
    private static func row(of entry: StallProfile.Entry, total: Int64) -> [String] {
        let targets = entry.targets
        let others = targets.count > 1 ? " +\(targets.count - 1)" : ""
        var place = entry.stack.blamed.map { shown(StackLineWriter.place(of: $0)) } ?? ProfileName.noFrames
        let callers = StackLineWriter.callers(of: entry.stack)
        if !callers.isEmpty { place += (callers.hasPrefix("<~") ? " " : " < ") + shown(callers) }
        let share = total > 0 ? Int((Double(entry.totalNanoseconds) / Double(total) * 100).rounded()) : 0
        return [
            StatusRow.duration(entry.totalNanoseconds), "\(share)%", String(entry.stalls),
            StatusRow.duration(entry.longestNanoseconds), shown(entry.causes.first?.label ?? ""),
            shown(targets.first ?? ProfileName.otherTargets) + others, entry.identifier, place,
        ]
    }

    /// A name without what could end a line or control a terminal.
    private static func shown(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.map { $0.isUnsafeToShow ? "\u{FFFD}" : $0 }))
    }

    /// Appends lines of cells, with columns as wide as their widest cell, the last one not filled up.
    private static func append(_ table: [[String]], to buffer: inout [UInt8]) {
        guard let columns = table.first?.indices else { return }
        let widths = columns.map { column in min(columnWidthMost, table.map { $0[column].count }.max() ?? 0) }
        for cells in table {
            for (index, cell) in cells.enumerated() {
                if index == cells.count - 1 {
                    buffer.append(text: cell)
                } else {
                    buffer.append(text: cell)
                    buffer.append(contentsOf: repeatElement(0x20, count: max(0, widths[index] - cell.count) + 2))
                }
            }
            buffer.append(0x0A)
        }
    }

    /// Widest column, in characters; longer cells push the rest of their line.
    private static let columnWidthMost = 80
}
