// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

/// What a hypervisor took, on recorded text and on this machine.
@Suite("Stolen time")
struct StolenTimeTests {
    private func stolen(_ text: String) -> StolenTime { StolenTime(stat: Array(text.utf8)) }

    private static let text = """
        cpu  8808 0 1766 39266 216 0 19 113 0 0
        cpu0 4005 0 860 20149 12 0 8 57 0 0
        cpu1 4802 0 906 19117 203 0 11 56 0 0
        intr 123 4 5
        cpu9 1 1 1 1 1 1 1 1 1 1
        """

    @Test("each processor's stolen ticks are read, and nothing else")
    func ticks() {
        #expect(stolen(Self.text).ticks == [57, 56])
        #expect(stolen("").ticks == [])
        #expect(stolen("cpu 1 2\ncpu0 1 2 3 4 5 6 7\ncpu1 a b c d e f g h\n").ticks == [0, 0])
    }

    @Test("what counts is the processor that lost most")
    func difference() {
        let before = stolen(Self.text)
        let after = stolen(
            Self.text.replacing(" 57 0 0", with: " 59 0 0").replacing(" 56 0 0", with: " 63 0 0")
        )
        // Linux tells user space of 100 ticks a second on every architecture that Swift runs on.
        #expect(after.nanoseconds(since: before) == 70_000_000)
        #expect(before.nanoseconds(since: after) == 0)
        #expect(before.nanoseconds(since: stolen("")) == 0)
    }

    @Test("this machine tells of each of its processors")
    func live() throws {
        let now = try #require(StolenTime.now())
        #expect(!now.ticks.isEmpty && now.ticks.allSatisfy { $0 >= 0 })
        #expect(try #require(StolenTime.now()).nanoseconds(since: now) >= 0)
    }
}
