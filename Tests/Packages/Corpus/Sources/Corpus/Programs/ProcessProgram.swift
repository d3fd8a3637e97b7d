// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Waits for another process to end.
final class ProcessProgram: BlockingProgram {
    static let way = "Process.waitUntilExit"
    static let functions = [
        "ProcessProgram.runConverter(_:)", "ProcessProgram.renderInvoice(_:)", "ProcessProgram.handleInvoice(_:)",
    ]
    /// What Foundation's run loop waits by.
    static let causes = ["syscall:ppoll", "syscall:poll", "syscall:epoll_wait", "syscall:epoll_pwait"]
    static let end = BlockEnd.byItself
    private let seconds: String

    init(nanoseconds: Int64) { seconds = String(Double(nanoseconds) / 1e9) }

    func handle() -> Outcome { Outcome.of { handleInvoice(&$0) } }
    func block() -> Outcome { Outcome.of { runConverter(&$0) } }

    @inline(never)
    func handleInvoice(_ outcome: inout Outcome) {
        renderInvoice(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func renderInvoice(_ outcome: inout Outcome) {
        runConverter(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func runConverter(_ outcome: inout Outcome) {
        outcome.begin()
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
    }
}
