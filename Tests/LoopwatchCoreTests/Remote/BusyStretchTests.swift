// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Busy stretches by clocks alone")
struct BusyStretchTests {
    private static let millisecond: Int64 = 1_000_000

    /// How often in a row a thread is taken for busy, with a look every 10 ms.
    private func longest(_ active: [Int64], isAsleep: (Int) -> Bool = { _ in false }) -> Int {
        var stretch = BusyStretch()
        var (run, longest) = (0, 0)
        for (index, milliseconds) in active.enumerated() {
            let isBusy = stretch.isBusy(
                elapsed: 10 * Self.millisecond,
                active: milliseconds * Self.millisecond,
                isAsleep: isAsleep(index)
            )
            run = isBusy ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }

    @Test("a thread that computes is busy all the time, however coarsely the kernel counts")
    func computing() {
        #expect(longest([Int64](repeating: 10, count: 30)) == 30)
        #expect(longest((0..<30).map { $0.isMultiple(of: 2) ? 8 : 12 }) == 30, "ticks of 4 ms")
        #expect(longest((0..<30).map { $0.isMultiple(of: 2) ? 0 : 20 }) == 30, "ticks of 10 ms, seen late")
    }

    @Test("a thread that works half of its time is not, and one that sleeps never is")
    func idle() {
        #expect(longest([Int64](repeating: 5, count: 100)) < 4)
        #expect(longest([Int64](repeating: 10, count: 100), isAsleep: { _ in true }) == 0)
        #expect(longest([Int64](repeating: 10, count: 100), isAsleep: { $0 % 4 == 3 }) == 3)
    }
}
