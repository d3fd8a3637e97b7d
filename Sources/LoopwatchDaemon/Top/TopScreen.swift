// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The table of `top`: decides what each line of the screen shows.
struct TopScreen {
    /// What is shown.
    var picture: StatusPicture
    /// Where it comes from.
    var source: String
    /// What is to be said of the connection; `nil` if all is well.
    var alarm: String?
    /// What is to be said besides.
    var note: String?
    /// What the keys do; `nil` where there are none.
    var keys: String?

    /// Narrowest table, in columns: below, numbers are cut off at its right.
    static let widthLeast = 72

    private struct Column {
        var heading: String
        var columns: Int
        var cell: @Sendable (StatusPicture.Target) -> String
    }

    private static let columns: [Column] = [
        Column(heading: "NOW", columns: 8) { $0.blockedNanoseconds.map { TimeSpan.text($0) } ?? "free" },
        Column(heading: "P50", columns: 7) { lag($0.lagMedianNanoseconds) },
        Column(heading: "P99", columns: 7) { lag($0.lagNinetyNinthNanoseconds) },
        Column(heading: "MAX", columns: 7) { lag($0.lagMaximumNanoseconds) },
        Column(heading: "STALLS", columns: 6) { "\($0.stalls)" },
        Column(heading: "TOTAL", columns: 7) { $0.totalNanoseconds == 0 ? "-" : TimeSpan.text($0.totalNanoseconds) },
        Column(heading: "WAIT", columns: 5) { $0.waiting.map { "\($0)" } ?? "" },
        Column(heading: "BUSY", columns: 5) { target in
            guard let busy = target.busy else { return target.threads.map { "?/\($0)" } ?? "" }
            return target.threads.map { "\(busy)/\($0)" } ?? "\(busy)"
        },
    ]

    /// The lines of the screen.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal.
    ///   - height: its lines; `nil` for as many as there are to show.
    func lines(width: Int, height: Int?) -> [ScreenLine] {
        let blocked = picture.targets.count { $0.blockedNanoseconds != nil }
        var head = ScreenLine("\(picture.process) (\(picture.processIdentifier))", .bold)
        head.append("  \(picture.time.prefix(19))Z  \(source)  loopwatch \(picture.version)", .dim)
        var lines = [head]
        var state = ScreenLine()
        if let alarm {
            state.append(alarm, .alarm)
        } else if blocked > 0 {
            state.append("\(blocked) of \(picture.targets.count) blocked now", .alarm)
        } else {
            state.append("nothing is blocked now", .good)
        }
        lines.append(state)
        for name in picture.down { lines.append(ScreenLine("not running: \(name)", .alarm)) }
        lines.append(ScreenLine())
        let numbers = Self.columns.reduce(0) { $0 + $1.columns + 1 }
        let nameColumns = max(Self.widthLeast - numbers, width - numbers)
        var heading = ScreenLine()
        heading.append(cell: "TARGET", columns: nameColumns, .heading)
        for column in Self.columns {
            heading.append(cell: column.heading, columns: column.columns + 1, isRight: true, .heading)
        }
        lines.append(heading)
        var foot: [ScreenLine] = []
        if let note { foot.append(ScreenLine(note, .dim)) }
        if let keys { foot.append(ScreenLine(keys, .dim)) }
        if picture.targets.isEmpty { lines.append(ScreenLine("no loop and no pool is watched", .dim)) }
        let room = height.map { max(0, $0 - lines.count - foot.count - 1) }
        lines += rows(nameColumns: nameColumns, room: room)
        if !foot.isEmpty { lines += [ScreenLine()] + foot }
        return height.map { Array(lines.prefix($0)) } ?? lines
    }

    /// The rows of the targets; where there is no room for all, those that are blocked come first.
    private func rows(nameColumns: Int, room: Int?) -> [ScreenLine] {
        let all = picture.targets.map { rows(of: $0, nameColumns: nameColumns) }
        guard let room, all.reduce(0, { $0 + $1.count }) > room else { return all.flatMap { $0 } }
        let order = picture.targets.indices.sorted {
            let (first, second) = (picture.targets[$0].blockedNanoseconds, picture.targets[$1].blockedNanoseconds)
            return (first ?? -1, $1) > (second ?? -1, $0)
        }
        var lines: [ScreenLine] = []
        var shown = 0
        for index in order {
            guard lines.count + all[index].count < room else { break }
            lines += all[index]
            shown += 1
        }
        return lines + [ScreenLine("and \(picture.targets.count - shown) more", .dim)]
    }

    private func rows(of target: StatusPicture.Target, nameColumns: Int) -> [ScreenLine] {
        let isBlocked = target.blockedNanoseconds != nil
        var row = ScreenLine()
        row.append(cell: target.name, columns: nameColumns, isBlocked ? .alarm : .plain)
        for (index, column) in Self.columns.enumerated() {
            let style: ScreenLine.Style = isBlocked && index == 0 ? .alarm : .plain
            row.append(" ")
            row.append(cell: column.cell(target), columns: column.columns, isRight: true, style)
        }
        guard isBlocked, target.place != nil || target.cause != nil else { return [row] }
        var detail = ScreenLine("  ")
        if let cause = target.cause { detail.append(cause + "  ", .alarm) }
        if let place = target.place { detail.append("at \(place)") }
        return [row, detail]
    }

    /// A lag: below ten milliseconds with its tenths.
    private static func lag(_ nanoseconds: Int64?) -> String {
        guard let nanoseconds else { return "-" }
        guard nanoseconds < 9_950_000 else { return TimeSpan.text(nanoseconds + 500_000) }
        let tenths = (max(0, nanoseconds) + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)ms"
    }
}
