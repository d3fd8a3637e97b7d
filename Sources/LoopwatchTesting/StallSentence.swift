// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchExposition

/// Says of a block what a failed test says.
///
/// ```
/// pool thread blocked for 312ms at innerBlocking() Checkout.swift:14 < checkout() (syscall:clock_nanosleep)
/// ```
enum StallSentence {
    /// The sentence.
    static func text(of episode: StallEpisode, owner: StallJudge.Owner) -> String {
        let report = episode.report
        let milliseconds = max(1, (report.durationNanoseconds + 500_000) / 1_000_000)
        var text = subject(of: report)
        text +=
            report.state == .ended
            ? " blocked for \(milliseconds)ms" : " has been blocked for \(milliseconds)ms, and still is,"
        if let sentence = PoolSentence.text(of: report) {
            text += ": \(sentence)"
            if let stack = report.stack { text += "; one of them" + place(of: stack) }
        } else {
            if let stack = report.stack {
                text += place(of: stack)
            } else {
                text += " (no stack: \(report.stackOmitted ?? "none was taken"))"
            }
            text += " (\(cause(of: report)))"
        }
        if report.kind == .hold || report.pool?.kind == .heldThread, let name = episode.holders.first?.name {
            text += " in task \"\(name)\""
        }
        if owner == .unknown { text += unknownOwner }
        return text
    }

    /// What is said of a block that may be another test's.
    static let unknownOwner =
        " [not in a task that this body is known to have started: if other tests ran at the same time, it may be theirs]"

    private static func subject(of report: StallReport) -> String {
        switch report.subject {
        case .pool where report.target.hasPrefix(StallJudge.bodyPrefix): return "the body's thread"
        case .pool:
            let name = report.target == "swift" ? "pool" : "pool \(report.target)"
            return report.kind == .hold ? "\(name) thread" : name
        case .loop: return report.pool != nil ? "main actor" : "loop \(report.target)"
        case .process: return "process"
        }
    }

    private static func place(of stack: Stack) -> String {
        let stack = stack.withoutTestRunner
        guard let blamed = stack.blamed else { return "" }
        let callers = StackLineWriter.callers(of: stack)
        let link = callers.isEmpty ? "" : callers.hasPrefix("<~") ? " " : " < "
        return " at " + StackLineWriter.place(of: blamed) + link + callers
    }

    private static func cause(of report: StallReport) -> String {
        var text = report.cause.text
        if case .syscall = report.cause, let detail = report.causeDetail { text += " on \(detail)" }
        return text
    }
}

extension Stack {
    /// The stack up to the test: what comes behind is what the macros of Swift Testing wrote.
    fileprivate var withoutTestRunner: Stack {
        guard let first = frames.firstIndex(where: { $0.function.contains("$s") && $0.origin == .host }), first > 0
        else {
            return self
        }
        return Stack(frames: Array(frames[..<first]))
    }
}
