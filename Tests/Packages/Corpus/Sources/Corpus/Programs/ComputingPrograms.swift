// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Sorts a large array.
final class SortProgram: BlockingProgram {
    static let way = "sort"
    static let functions = ["SortProgram.sortOrders()", "SortProgram.rankOrders()", "SortProgram.handleRanking()"]
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

    func handle() -> Outcome { handleRanking() }
    func block() -> Outcome { sortOrders() }

    @inline(never)
    func handleRanking() -> Outcome {
        var outcome = rankOrders()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func rankOrders() -> Outcome {
        var outcome = sortOrders()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func sortOrders() -> Outcome {
        var outcome = Outcome()
        var isSorted = false
        repeat {
            let sorted = orders.sorted { ($0.price, $0.customer) < ($1.price, $1.customer) }
            isSorted = sorted[0].price <= sorted[1].price
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        outcome.ended(isSorted ? 0 : -1)
        return outcome
    }
}

/// Computes, and calls nothing but the clock.
final class SpinProgram: BlockingProgram {
    static let way = "spin"
    static let functions = ["SpinProgram.stretchKey()", "SpinProgram.hashPassword()", "SpinProgram.handleSignUp()"]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { handleSignUp() }
    func block() -> Outcome { stretchKey() }

    @inline(never)
    func handleSignUp() -> Outcome {
        var outcome = hashPassword()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func hashPassword() -> Outcome {
        var outcome = stretchKey()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func stretchKey() -> Outcome {
        var outcome = Outcome()
        var key: UInt64 = 1
        repeat {
            for round in 0..<20_000 as Range<UInt64> { key = (key ^ round) &* 0x9e37_79b9_7f4a_7c15 }
        } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        // Never so, which the compiler does not know.
        outcome.ended(key == 0 ? -1 : 0)
        return outcome
    }
}
