// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// When breakpoints on every wait of a loop cost too much.
@Suite("Budget of edges")
struct EdgeBudgetTests {
    @Test("400 iterations a second are paid for and no more; bursts are, as far as that was saved up")
    func exceeded() {
        var budget = EdgeBudget(now: at(0))
        for second in 0..<10 {
            for look in 0..<100 {
                let isExceeded = budget.isExceeded(byIterations: 4, at: at(Double(second * 1_000 + look * 10)))
                #expect(!isExceeded)
            }
        }
        var busy = EdgeBudget(now: at(0))
        var looks = 0
        while !busy.isExceeded(byIterations: 5, at: at(Double(looks * 10))) { looks += 1 }
        #expect((1_990...2_000).contains(looks))
        var bursts = EdgeBudget(now: at(0))
        for second in 0..<20 {
            let isExceeded = bursts.isExceeded(byIterations: 1_900, at: at(Double(second * 5_000)))
            #expect(!isExceeded)
        }
        let isExceeded = bursts.isExceeded(byIterations: 1_900, at: at(95_500))
        #expect(isExceeded)
    }

    @Test("breakpoints are tried again once the loop has become quiet, and ever less often")
    func again() {
        var budget = EdgeBudget(now: at(0))
        var now = 0.0
        func wait(_ budget: inout EdgeBudget, runs: Int64) -> Double? {
            let began = now
            while now - began < 200_000 {
                now += 10
                if budget.mayTryAgain(runs: runs, at: at(now)) { return now - began }
            }
            return nil
        }
        var pauses: [Double] = []
        for _ in 0..<6 {
            let isExceeded = budget.isExceeded(byIterations: 2_500, at: at(now))
            #expect(isExceeded)
            pauses.append(wait(&budget, runs: 1) ?? -1)
        }
        #expect(pauses == [5_000, 10_000, 20_000, 40_000, 80_000, 80_000])
        let isExceeded = budget.isExceeded(byIterations: 2_500, at: at(now))
        #expect(isExceeded && wait(&budget, runs: 30) == nil)
    }
}
