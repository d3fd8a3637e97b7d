// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Real threads, seen from outside.
@Suite("Thread view")
struct ThreadViewTests {
    @Test("a thread that waits for a descriptor is seen in its call, and its clock stands still")
    func parked() throws {
        let thread = try TestThread.parked()
        defer { thread.stop() }
        let view = ThreadView(thread.identifier)
        try eventually("the thread sleeps in ppoll") { view.call()?.blockingCall?.name == "ppoll" }
        let call = try #require(view.call())
        let clock = try #require(view.cpuNanoseconds())
        for _ in 0..<100 {
            #expect(view.call() == call)
            #expect(view.cpuNanoseconds() == clock)
        }
        #expect(call.waitSignature?.stackPointer != 0)
        #expect(call.blockingCall?.isLock == false)
    }

    @Test("a thread that waits for a lock is seen in futex")
    func locked() throws {
        let mutex = TestLock()
        mutex.lock()
        let thread = try TestThread { signals in
            signals.begin()
            mutex.lock()
            mutex.unlock()
        }
        let view = ThreadView(thread.identifier)
        try eventually("the thread sleeps in futex") {
            view.call()?.blockingCall == BlockingCall(name: "futex", isLock: true)
        }
        mutex.unlock()
        thread.stop()
    }

    @Test("a thread that computes is seen running, and its clock goes on")
    func computing() throws {
        let thread = try TestThread.computing()
        defer { thread.stop() }
        let view = ThreadView(thread.identifier)
        try eventually("the thread is seen running") { view.call() == .running }
        let clock = try #require(view.cpuNanoseconds())
        try eventually("its clock goes on") { (view.cpuNanoseconds() ?? 0) > clock + 1_000_000 }
        #expect(view.call()?.blockingCall == nil)
        if let delay = view.runDelayNanoseconds() { #expect(delay >= 0) }
    }

    @Test(
        "when a thread went to sleep is known on the monotonic clock",
        .enabled(if: ProcFile(path: "/proc/self/sched") != nil, "this kernel has no /proc/PID/sched")
    )
    func sleepingSince() throws {
        // The kernel moves threads about meanwhile: the best of several readings counts.
        var errors: [Int64] = []
        for _ in 0..<5 {
            let thread = try TestThread.parked()
            defer { thread.stop() }
            let view = ThreadView(thread.identifier)
            try eventually("the thread sleeps") { view.call()?.blockingCall != nil }
            let seen = Clock.now()
            let began = try #require(thread.signals.beganAt)
            guard let since = view.lastRun().flatMap(SchedulerClock.instant) else { continue }
            // It went to sleep between when it said so and when it was seen asleep.
            errors.append(max(0, began.nanoseconds(since: since), since.nanoseconds(since: seen)))
        }
        let best = try #require(errors.min(), "the kernel told nothing, though it has the file")
        #expect(best < 20_000_000, "errors in nanoseconds: \(errors)")
    }

    @Test("a processor that does not exist has no clock")
    func noProcessor() {
        for processor in [-1, 100_000, .max, .min] {
            #expect(SchedulerClock.instant(of: SchedulerInstant(nanoseconds: 1, processor: processor)) == nil)
        }
    }

    @Test("of a thread that does not exist nothing is told")
    func gone() {
        let view = ThreadView(0x3fff_fffe)
        #expect(view.cpuNanoseconds() == nil && view.call() == nil)
        #expect(view.runDelayNanoseconds() == nil && view.lastRun() == nil)
    }
}
