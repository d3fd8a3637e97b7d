// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch

/// A host that is stopped by a signal while one of its loops waits: nobody is to blame.
enum StoppedHost: SpecialHost {
    static let name = "SIGSTOP"
    private static let stopNanoseconds: Int64 = 400_000_000

    static func run() throws -> Verdict {
        var verdict = Verdict(name: name, place: "whole process", expected: [])
        let host = try SingleLoopHost()
        defer { host.stop() }
        let program = try ReadProgram(nanoseconds: stopNanoseconds)
        let helper = try Helper(
            """
            read line
            kill -STOP \(getpid())
            sleep 0.\(stopNanoseconds / 1_000_000)
            kill -CONT \(getpid())
            """
        )
        // Stopped within a handler that waits for a byte, and gets it as soon as the process goes on.
        let outcome = host.run(program) {
            helper.go()
            helper.wait()
            program.release()
        }
        guard let outcome else {
            verdict.problems.append("the program did not end")
            return verdict
        }
        verdict.milliseconds = Double(outcome.nanoseconds) / 1e6
        if let failure = outcome.failure { verdict.problems.append(failure) }
        let interruption = host.reports.wait { $0.report.kind == .interruption && $0.report.cause == .suspended }
        verdict.cause = interruption?.report.cause.text ?? "-"
        verdict.isCauseRight =
            (interruption?.report.durationNanoseconds ?? 0) > stopNanoseconds / 2
            && (interruption?.report.durationNanoseconds ?? 0) < stopNanoseconds * 3
        let blamed = host.reports.all.filter { $0.report.kind != .interruption }
        verdict.blamed = blamed.isEmpty ? "nobody" : "\(blamed.map(\.line))"
        verdict.isBlameRight = blamed.isEmpty
        verdict.isStackRight = blamed.isEmpty
        return verdict
    }
}
