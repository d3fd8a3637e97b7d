// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Sorts a large array.
final class SortProgram: BlockingProgram {
    static let way = "sort"
    static let functions = [
        "SortProgram.sortOrders(_:)", "SortProgram.rankOrders(_:)", "SortProgram.handleRanking(_:)",
    ]
    static let calledBack = ["SortProgram.Order."]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64
    private let orders: [Order]

    struct Order {
        var price: UInt64
        var customer: String
    }

    init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
        var number: UInt64 = 1
        orders = (0..<4_000).map { index in
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Order(price: number >> 40, customer: "customer \(index)")
        }
    }

    func handle() -> Outcome { Outcome.of { handleRanking(&$0) } }
    func block() -> Outcome { Outcome.of { sortOrders(&$0) } }

    @inline(never)
    func handleRanking(_ outcome: inout Outcome) {
        rankOrders(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func rankOrders(_ outcome: inout Outcome) {
        sortOrders(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func sortOrders(_ outcome: inout Outcome) {
        outcome.begin()
        var isSorted = false
        repeat {
            let sorted = orders.sorted { ($0.price, $0.customer) < ($1.price, $1.customer) }
            isSorted = sorted[0].price <= sorted[1].price
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        outcome.ended(isSorted ? 0 : -1)
    }
}

/// Computes, and calls nothing but the clock.
final class SpinProgram: BlockingProgram {
    static let way = "spin"
    static let functions = [
        "SpinProgram.stretchKey(_:)", "SpinProgram.hashPassword(_:)", "SpinProgram.handleSignUp(_:)",
    ]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { Outcome.of { handleSignUp(&$0) } }
    func block() -> Outcome { Outcome.of { stretchKey(&$0) } }

    @inline(never)
    func handleSignUp(_ outcome: inout Outcome) {
        hashPassword(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func hashPassword(_ outcome: inout Outcome) {
        stretchKey(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func stretchKey(_ outcome: inout Outcome) {
        outcome.begin()
        var key: UInt64 = 1
        repeat {
            for round in 0..<20_000 as Range<UInt64> { key = (key ^ round) &* 0x9e37_79b9_7f4a_7c15 }
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        // Never so, which the compiler does not know.
        outcome.ended(key == 0 ? -1 : 0)
    }
}
