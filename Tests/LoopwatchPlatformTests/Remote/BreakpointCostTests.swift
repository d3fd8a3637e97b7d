// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("What breakpoints cost here")
struct BreakpointCostTests {
    @Test(
        "it is measured with breakpoints that are hit each time, and is what two exceptions cost, not a sleep",
        .enabled(if: ProcessWatchTests.hasBreakpoints)
    )
    func measured() throws {
        let cost = try #require(BreakpointCost.measured())
        // On a machine that is busy, a comparison may go either way.
        #expect((0...1_000_000).contains(cost))
    }

    @Test("it becomes known by itself", .enabled(if: ProcessWatchTests.hasBreakpoints))
    func known() throws {
        BreakpointCost.measure()
        BreakpointCost.measure()
        try eventually("it is known") { BreakpointCost.nanoseconds != nil }
    }
}
