// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch

/// A host whose control group has used up its CPU quota: no thread of it runs for most of the time.
enum QuotaHost: SpecialHost {
    static let name = "cgroup quota"

    static func run() throws -> Verdict {
        var verdict = Verdict(name: name, place: "NIO event loop", expected: SpinProgram.functions)
        // There from the start, as a process in a container is.
        let group = try ControlGroup(quotaMicroseconds: 20_000, periodMicroseconds: 200_000)
        defer {
            group.leave()
            group.remove()
        }
        let host = try SingleLoopHost()
        defer { host.stop() }
        try group.limit()
        let outcome = host.run(SpinProgram(nanoseconds: 500_000_000)) {}
        group.leave()
        guard let outcome else {
            verdict.problems.append("the program did not end")
            return verdict
        }
        verdict.milliseconds = Double(outcome.nanoseconds) / 1e6
        host.judge(SpinProgram.self, causes: [.throttled, .runqueue], &verdict)
        // The watchdog is throttled as well: where it was, it says so of the whole process instead.
        let whole = host.reports.all.first { $0.report.kind == .interruption }
        if let whole, !verdict.isCauseRight {
            verdict.cause = "process: \(whole.report.cause.text), loop: \(verdict.cause)"
            verdict.isCauseRight = [.throttled, .runqueue].contains(whole.report.cause)
            if verdict.problems == ["no report"] {
                verdict.problems = []
                verdict.blamed = "nobody"
                verdict.isBlameRight = true
                verdict.isStackRight = true
            }
        }
        return verdict
    }
}
