// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Sleeps by `usleep`, which returns early when a signal handler runs.
final class UsleepProgram: BlockingProgram {
    static let way = "usleep"
    static let functions = [
        "UsleepProgram.pauseBeforeRetry(_:)", "UsleepProgram.retryPayment(_:)", "UsleepProgram.handleCheckout(_:)",
    ]
    static let causes = ["syscall:clock_nanosleep", "syscall:nanosleep"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { Outcome.of { handleCheckout(&$0) } }
    func block() -> Outcome { Outcome.of { pauseBeforeRetry(&$0) } }

    @inline(never)
    func handleCheckout(_ outcome: inout Outcome) {
        retryPayment(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func retryPayment(_ outcome: inout Outcome) {
        pauseBeforeRetry(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func pauseBeforeRetry(_ outcome: inout Outcome) {
        outcome.begin()
        let result = usleep(UInt32(nanoseconds / 1_000))
        outcome.ended(Int(result))
    }
}

/// Sleeps by `nanosleep`, which never restarts and tells what was left.
final class NanosleepProgram: BlockingProgram {
    static let way = "nanosleep"
    static let functions = [
        "NanosleepProgram.pauseClient(_:)", "NanosleepProgram.limitRate(_:)", "NanosleepProgram.handleRefund(_:)",
    ]
    static let causes = ["syscall:clock_nanosleep", "syscall:nanosleep"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { Outcome.of { handleRefund(&$0) } }
    func block() -> Outcome { Outcome.of { pauseClient(&$0) } }

    @inline(never)
    func handleRefund(_ outcome: inout Outcome) {
        limitRate(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func limitRate(_ outcome: inout Outcome) {
        pauseClient(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func pauseClient(_ outcome: inout Outcome) {
        outcome.begin()
        var length = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        var left = timespec()
        let result = nanosleep(&length, &left)
        outcome.ended(Int(result))
    }
}

/// Sleeps at the bottom of a deep recursion.
final class RecursionProgram: BlockingProgram {
    static let depth = 60
    static let way = "select, 60 calls deep"
    static let functions =
        ["RecursionProgram.renderLeaf(_:)"]
        + (1...depth).map {
            $0 % 2 == 0 ? "RecursionProgram.renderComment(depth:_:)" : "RecursionProgram.renderReplies(depth:_:)"
        }
        + ["RecursionProgram.handleThread(_:)"]
    static let causes = ["syscall:select", "syscall:pselect6"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { Outcome.of { handleThread(&$0) } }
    func block() -> Outcome { Outcome.of { renderLeaf(&$0) } }

    @inline(never)
    func handleThread(_ outcome: inout Outcome) {
        renderComment(depth: Self.depth, &outcome)
        outcome.passedOn()
    }

    @inline(never)
    func renderComment(depth: Int, _ outcome: inout Outcome) {
        depth > 1 ? renderReplies(depth: depth - 1, &outcome) : renderLeaf(&outcome)
        outcome.passedOn()
    }

    /// The other half of the recursion: the optimiser makes a loop of a function that calls itself.
    @inline(never)
    func renderReplies(depth: Int, _ outcome: inout Outcome) {
        depth > 1 ? renderComment(depth: depth - 1, &outcome) : renderLeaf(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func renderLeaf(_ outcome: inout Outcome) {
        outcome.begin()
        var length = timeval(tv_sec: 0, tv_usec: Int(nanoseconds / 1_000))
        let result = select(0, nil, nil, nil, &length)
        outcome.ended(Int(result))
    }
}
