// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

@testable import LoopwatchHTTP

/// When the server's thread comes before the host's.
@Suite("Turns of the server's thread")
struct ServingTurnsTests {
    private static let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)

    private static var niceness: CInt { getpriority(ofThread, id_t(OwnThread.currentIdentifier)) }

    @Test("it comes first, gives that back in a second in which it computes much, and has it again in the next")
    func busySecond() throws {
        let found = Mutex<[CInt]>([])
        let mayComeFirst = Mutex(false)
        let thread = try OwnThread(name: "serving") {
            setpriority(Self.ofThread, id_t(OwnThread.currentIdentifier), -1)
            mayComeFirst.withLock { $0 = Self.niceness == -1 }
            setpriority(Self.ofThread, id_t(OwnThread.currentIdentifier), 0)
            var now = Clock.now()
            var turns = ServingTurns(at: now)
            found.withLock { $0.append(Self.niceness) }
            for milliseconds in [10, 400, 0] as [Int64] {
                let begun = Clock.ownCPUNanoseconds() ?? 0
                while (Clock.ownCPUNanoseconds() ?? 0) - begun < milliseconds * 1_000_000 {}
                // Sooner than in a second nothing changes.
                turns.check(at: now.advanced(byNanoseconds: 999_000_000))
                now = now.advanced(byNanoseconds: 1_000_000_000)
                turns.check(at: now)
                found.withLock { $0.append(Self.niceness) }
            }
        }
        thread.join()
        let first: CInt = mayComeFirst.withLock { $0 } ? -10 : 0
        #expect(found.withLock { $0 } == [first, first, 0, first])
    }
}
