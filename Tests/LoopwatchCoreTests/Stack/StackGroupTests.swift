// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Threads of a pool that are at the same place.
@Suite("Groups of stacks")
struct StackGroupTests {
    private func stack(_ functions: String..., address: UInt64 = 1) -> Stack {
        Stack(
            frames: functions.map {
                StackFrame(function: $0, module: "api", address: address, origin: .host)
            }
        )
    }

    @Test("stacks through the same functions are one group, the most frequent first, and the first seen of as many")
    func groups() {
        let groups = StackGroup.groups(of: [
            stack("a", "main"), stack("b", "main"), stack("c", "main"), stack("b", "main", address: 2),
        ])
        #expect(groups.map(\.threads) == [2, 1, 1])
        #expect(groups.map { $0.stack.frames.first?.function } == ["b", "a", "c"])
        #expect(groups.first?.stack.frames.first?.address == 1, "the first of them stands for all")
        #expect(StackGroup.groups(of: []).isEmpty)
    }

    @Test("there are no more groups than the limit, and the largest are kept")
    func limit() {
        var stacks = (0..<40).map { stack("f\($0)") }
        stacks += [stack("f39"), stack("f38"), stack("f39")]
        let groups = StackGroup.groups(of: stacks)
        #expect(groups.count == Limits.stackGroups)
        #expect(groups.prefix(2).map(\.threads) == [3, 2])
        #expect(groups.prefix(2).map { $0.stack.frames.first?.function } == ["f39", "f38"])
    }
}
