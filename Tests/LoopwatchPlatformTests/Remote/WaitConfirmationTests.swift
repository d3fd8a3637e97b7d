// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

#if arch(x86_64)
    /// What awaiting the next wait of a thread does to the calls of the thread.
    @Suite("Awaiting the next wait", .serialized, .timeLimit(.minutes(10)))
    struct WaitConfirmationTests {
        @Test("a call that the thread has entered just before it is stopped begins again, and does not fail")
        func restarted() throws {
            let loop = try LoopFixture()
            let thread = RemoteThread(process: loop.identifier, thread: loop.identifier)
            try eventually("the loop waits") { thread.call()?.wait != nil }
            let stops = ThreadStops()
            // Not that wait is awaited, which it is in, so that it is stopped in it and goes on to be traced.
            let confirmation = try WaitConfirmation(
                process: loop.identifier,
                thread: thread,
                wait: WaitCall(number: -1, descriptor: 0),
                counting: stops,
                mustRun: false
            )
            try eventually("it was stopped, and its call has begun again") { stops.counts.callsRestarted == 1 }
            try eventually("it waits again") { thread.call()?.wait != nil }
            loop.tell("interrupted")
            #expect(try loop.done().nanoseconds == 0)
            #expect(stops.counts.callsInterrupted == 0 && stops.counts.waits.count >= 1)
            try eventually("it waits for the next") { thread.call()?.wait != nil }
            // Nothing is copied of a thread that sleeps.
            #expect(confirmation.copy().map(\.stackAddress) == nil && stops.counts.stacks.count == 0)
        }
    }
#endif
