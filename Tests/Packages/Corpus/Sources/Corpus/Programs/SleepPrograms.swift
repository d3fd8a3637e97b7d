// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Sleeps by `usleep`, which returns early when a signal handler runs.
final class UsleepProgram: BlockingProgram {
    static let way = "usleep"
    static let functions = [
        "UsleepProgram.pauseBeforeRetry()", "UsleepProgram.retryPayment()", "UsleepProgram.handleCheckout()",
    ]
    static let causes = ["syscall:clock_nanosleep", "syscall:nanosleep"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { handleCheckout() }
    func block() -> Outcome { pauseBeforeRetry() }

    @inline(never)
    func handleCheckout() -> Outcome {
        var outcome = retryPayment()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func retryPayment() -> Outcome {
        var outcome = pauseBeforeRetry()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func pauseBeforeRetry() -> Outcome {
        var outcome = Outcome()
        let result = usleep(UInt32(nanoseconds / 1_000))
        outcome.ended(Int(result))
        return outcome
    }
}

/// Sleeps by `nanosleep`, which never restarts and tells what was left.
final class NanosleepProgram: BlockingProgram {
    static let way = "nanosleep"
    static let functions = [
        "NanosleepProgram.pauseClient()", "NanosleepProgram.limitRate()", "NanosleepProgram.handleRefund()",
    ]
    static let causes = ["syscall:clock_nanosleep", "syscall:nanosleep"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { handleRefund() }
    func block() -> Outcome { pauseClient() }

    @inline(never)
    func handleRefund() -> Outcome {
        var outcome = limitRate()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func limitRate() -> Outcome {
        var outcome = pauseClient()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func pauseClient() -> Outcome {
        var outcome = Outcome()
        var length = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        var left = timespec()
        let result = nanosleep(&length, &left)
        outcome.ended(Int(result))
        return outcome
    }
}

/// Sleeps at the bottom of a deep recursion.
final class RecursionProgram: BlockingProgram {
    static let depth = 60
    static let way = "usleep, 60 calls deep"
    static let functions =
        ["RecursionProgram.renderLeaf()"]
        + (1...depth).map {
            $0 % 2 == 0 ? "RecursionProgram.renderComment(depth:)" : "RecursionProgram.renderReplies(depth:)"
        }
        + ["RecursionProgram.handleThread()"]
    static let causes = ["syscall:clock_nanosleep", "syscall:nanosleep"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { handleThread() }
    func block() -> Outcome { renderLeaf() }

    @inline(never)
    func handleThread() -> Outcome {
        var outcome = renderComment(depth: Self.depth)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func renderComment(depth: Int) -> Outcome {
        var outcome = depth > 1 ? renderReplies(depth: depth - 1) : renderLeaf()
        outcome.passedOn()
        return outcome
    }

    /// The other half of the recursion: the optimiser makes a loop of a function that calls itself.
    @inline(never)
    func renderReplies(depth: Int) -> Outcome {
        var outcome = depth > 1 ? renderComment(depth: depth - 1) : renderLeaf()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func renderLeaf() -> Outcome {
        var outcome = Outcome()
        let result = usleep(UInt32(nanoseconds / 1_000))
        outcome.ended(Int(result))
        return outcome
    }
}
