// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The corpus as a table for people.
public enum VerdictTable {
    /// The text of the table, with a summary below.
    public static func text(of verdicts: [Verdict], showsFrames: Bool = false) -> String {
        var lines = [row(["case", "thread", "ms", "told", "expected", "blamed", "cause", "verdict"])]
        for verdict in verdicts {
            lines.append(
                row([
                    verdict.name, verdict.place, String(Int(verdict.milliseconds.rounded())),
                    String(Int(verdict.millisecondsUntilTold.rounded())),
                    expected(verdict), verdict.blamed, verdict.cause, word(for: verdict),
                ])
            )
            lines += verdict.problems.map { "    \($0)" }
            if showsFrames || !verdict.isRight { lines += verdict.frames.map { "    \($0)" } }
        }
        return (lines + [summary(of: verdicts)]).joined(separator: "\n")
    }

    /// How many were right, in one line.
    public static func summary(of verdicts: [Verdict]) -> String {
        let possible = verdicts.filter { $0.notPossible == nil }
        func share(_ isRight: (Verdict) -> Bool) -> String { "\(possible.count(where: isRight))/\(possible.count)" }
        return "right: blame \(share(\.isBlameRight)), stack \(share(\.isStackRight)), cause \(share(\.isCauseRight)), "
            + "told while blocked \(share(\.isToldInTime)), nothing disturbed \(share(\.problems.isEmpty)), all \(share(\.isRight)); "
            + "not possible here: \(verdicts.count - possible.count)"
    }

    private static func expected(_ verdict: Verdict) -> String {
        // A recursion is told once.
        var names: [String] = []
        for name in verdict.expected where !names.contains(name) { names.append(name) }
        return names.map { $0.split(separator: ".").last.map(String.init) ?? $0 }.joined(separator: " < ")
    }

    private static func word(for verdict: Verdict) -> String {
        if let reason = verdict.notPossible { return "not possible here: \(reason)" }
        if verdict.isRight { return verdict.attempts > 1 ? "right, attempt \(verdict.attempts)" : "right" }
        let wrong = [
            verdict.isBlameRight ? nil : "blame", verdict.isStackRight ? nil : "stack",
            verdict.isCauseRight ? nil : "cause", verdict.problems.isEmpty ? nil : "see below",
        ]
        return "WRONG: " + wrong.compactMap(\.self).joined(separator: ", ")
    }

    private static func row(_ cells: [String]) -> String {
        let widths = [28, 22, 5, 5, 72, 42, 24, 0]
        return zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(0, width - cell.count))
        }.joined(separator: " ")
    }
}
