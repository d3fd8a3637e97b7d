// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Dispatch
internal import Glibc
internal import Loopwatch
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A watch and one event loop, in a process of their own.
final class SingleLoopHost {
    /// What the watch has reported.
    let reports = ReportCollector()
    /// The loop's thread.
    let thread: pid_t
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let watch: Loopwatch

    /// Starts both, and waits until the loop has answered.
    ///
    /// - Throws: ``NotPossible`` when it does not.
    init() throws {
        watch = try Loopwatch.start(reports.configuration(threshold: CorpusRun.threshold))
        let loop = group.next()
        watch.add(.loop("nio") { work in loop.execute(work) })
        thread = try loop.submit { corpus_thread() }.wait()
        try CorpusRun.waitUntilAnswered(watch, targets: 1)
    }

    /// Ends both.
    func stop() {
        watch.stop()
        try? group.syncShutdownGracefully()
    }

    /// Runs a program on the loop, and something else meanwhile; `nil` when the program does not end.
    func run(_ program: any BlockingProgram, meanwhile: () -> Void) -> Outcome? {
        let began = DispatchSemaphore(value: 0)
        let outcome = Mutex<Outcome?>(nil)
        let finished: @Sendable (Outcome) -> Void = { result in outcome.withLock { $0 = result } }
        group.next().execute {
            began.signal()
            finished(program.handle())
        }
        began.wait()
        meanwhile()
        return eventually(seconds: 20) { outcome.withLock { $0 } }
    }

    /// Judges what was said of a stall of the loop: its cause, and its stack where the thread ran at all.
    func judge(_ program: any BlockingProgram.Type, causes: [Cause], _ verdict: inout Verdict) {
        let ended = reports.wait { $0.report.target == "nio" && $0.report.state == .ended && $0.report.kind == .stall }
        verdict.cause = ended?.report.cause.text ?? "-"
        verdict.isCauseRight = ended.map { causes.contains($0.report.cause) } ?? false
        let ofStall = reports.all.map(\.report).filter { $0.target == "nio" && $0.kind == .stall }
        guard let first = ofStall.first else { return verdict.problems.append("no report") }
        let told = ofStall.first { $0.stack != nil } ?? first
        verdict.judge(told.stack, omitted: told.stackOmitted, calledBack: program.calledBack)
        // A thread that never runs cannot be asked where it is; saying so is right.
        if told.stack == nil, told.stackOmitted != nil {
            verdict.isBlameRight = true
            verdict.isStackRight = true
        }
    }
}
