// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Waits for another process to end.
final class ProcessProgram: BlockingProgram {
    static let way = "Process.waitUntilExit"
    static let functions = [
        "ProcessProgram.runConverter()", "ProcessProgram.renderInvoice()", "ProcessProgram.handleInvoice()",
    ]
    /// What Foundation's run loop waits by.
    static let causes = ["syscall:ppoll", "syscall:poll", "syscall:epoll_wait", "syscall:epoll_pwait"]
    static let end = BlockEnd.byItself
    private let seconds: String

    init(nanoseconds: Int64) { seconds = String(Double(nanoseconds) / 1e9) }

    func handle() -> Outcome { handleInvoice() }
    func block() -> Outcome { runConverter() }

    @inline(never)
    func handleInvoice() -> Outcome {
        var outcome = renderInvoice()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func renderInvoice() -> Outcome {
        var outcome = runConverter()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func runConverter() -> Outcome {
        var outcome = Outcome()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = [seconds]
        do {
            try process.run()
            process.waitUntilExit()
            outcome.ended(Int(process.terminationStatus))
        } catch {
            outcome.ended(-1)
        }
        return outcome
    }
}
