// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// When breakpoints on every wait of a loop cost too much.
@Suite("Budget of edges")
struct EdgeBudgetTests {
    private func priced(costNanoseconds: Int64?) -> EdgeBudget {
        var budget = EdgeBudget(now: at(0))
        budget.price(nanoseconds: costNanoseconds)
        return budget
    }

    @Test("400 iterations a second are paid for and no more; bursts are, as far as that was saved up")
    func exceeded() {
        var budget = priced(costNanoseconds: 25_000)
        for second in 0..<10 {
            for look in 0..<100 {
                let isExceeded = budget.isExceeded(byIterations: 4, at: at(Double(second * 1_000 + look * 10)))
                #expect(!isExceeded)
            }
        }
        var busy = priced(costNanoseconds: 25_000)
        var looks = 0
        while !busy.isExceeded(byIterations: 5, at: at(Double(looks * 10))) { looks += 1 }
        #expect((3_990...4_000).contains(looks))
        var bursts = priced(costNanoseconds: 25_000)
        for second in 0..<20 {
            let isExceeded = bursts.isExceeded(byIterations: 3_900, at: at(Double(second * 10_000)))
            #expect(!isExceeded)
        }
        let isExceeded = bursts.isExceeded(byIterations: 3_900, at: at(190_500))
        #expect(isExceeded)
    }

    @Test(
        "what an iteration costs on this machine says how many are 1 % of a CPU",
        arguments: [
            (25_000, 400), (20_000, 500), (50_000, 200), (nil, 200),
            // What is recorded has to be read as well; and no bad moment turns breakpoints off for everyone.
            (2_000, 2_000), (-5_000, 2_000), (Int64.max, 50),
        ] as [(Int64?, Int)]
    )
    func cost(nanoseconds: Int64?, iterations: Int) {
        var budget = priced(costNanoseconds: nanoseconds)
        #expect(budget.iterationsPerSecond == iterations)
        #expect(budget.iterationsSavedMost == 10 * iterations)
        let isExceeded = budget.isExceeded(byIterations: 10 * iterations, at: at(0))
        let isExceededByOne = budget.isExceeded(byIterations: 1, at: at(0))
        #expect(!isExceeded && isExceededByOne)
    }

    @Test("breakpoints are tried again once the loop has become quiet, and ever less often")
    func again() {
        var budget = priced(costNanoseconds: 25_000)
        var now = 0.0
        func wait(_ budget: inout EdgeBudget, runs: Int64) -> Double? {
            let began = now
            while now - began < 200_000 {
                now += 10
                budget.note(runs: runs, at: at(now))
                if budget.mayTryAgain(at: at(now)) { return now - began }
            }
            return nil
        }
        var pauses: [Double] = []
        for _ in 0..<6 {
            let isExceeded = budget.isExceeded(byIterations: 4_500, at: at(now))
            #expect(isExceeded)
            pauses.append(wait(&budget, runs: 1) ?? -1)
        }
        #expect(pauses == [5_000, 10_000, 20_000, 40_000, 80_000, 80_000])
        let isExceeded = budget.isExceeded(byIterations: 4_500, at: at(now))
        #expect(isExceeded && wait(&budget, runs: 30) == nil)
    }

    @Test("a loop that waits seldom is armed early, and no more often than a third of that may cost")
    func early() {
        // Ten seconds of looks, each of which finds the loop away.
        func arms(runs: Int64, costNanoseconds: Int64, iterations: Int) -> Int {
            var budget = priced(costNanoseconds: costNanoseconds)
            return (1...1_000).count { look in
                budget.note(runs: runs, at: at(Double(look) * 10))
                guard budget.mayArmEarly(at: at(Double(look) * 10)) else { return false }
                budget.noteArmed(iterations: iterations)
                return true
            }
        }
        // Of 3 ms in a second, and what was saved up in ten; nothing is gained in the first, with all saved up.
        #expect((565...575).contains(arms(runs: 3, costNanoseconds: 50_000, iterations: 2)))
        #expect((280...290).contains(arms(runs: 1, costNanoseconds: 100_000, iterations: 2)))
        // It is not before a second has passed that it is known how often the loop waits.
        #expect(arms(runs: 3, costNanoseconds: 50_000, iterations: 0) == 901)
        #expect(arms(runs: 7, costNanoseconds: 50_000, iterations: 0) == 0)
        #expect(arms(runs: 40, costNanoseconds: 50_000, iterations: 0) == 0)
        var unknown = priced(costNanoseconds: 50_000)
        let mayBeforeItIsKnown = unknown.mayArmEarly(at: at(10))
        #expect(!mayBeforeItIsKnown)
    }
}
