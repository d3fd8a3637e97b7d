// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Captures {
    /// Threads that sleep are read, and notice nothing.
    @Suite("Passive capture")
    struct Passive {
        /// Calls that a signal would end early.
        enum Call: String, CaseIterable, Sendable {
            case usleep, nanosleep, poll, epoll, select, semaphore, read

            /// Makes the call; returns whether it ended as it would have undisturbed.
            func isUndisturbed(_ signals: TestThread.Signals) -> Bool {
                let began = Clock.now()
                var time = timespec(tv_sec: 0, tv_nsec: 300_000_000)
                errno = 0
                switch self {
                case .usleep: guard Glibc.usleep(300_000) == 0 else { return false }
                case .nanosleep: guard Glibc.nanosleep(&time, nil) == 0 else { return false }
                case .poll: guard Glibc.poll(nil, 0, 300) == 0 else { return false }
                case .epoll:
                    guard let wake = try? WakeSignal() else { return false }
                    let deadline = began.advanced(byNanoseconds: 300_000_000)
                    guard !wake.wait(until: deadline), errno != EINTR else { return false }
                case .select:
                    var limit = timeval(tv_sec: 0, tv_usec: 300_000)
                    guard Glibc.select(0, nil, nil, nil, &limit) == 0 else { return false }
                case .semaphore:
                    var semaphore = sem_t()
                    sem_init(&semaphore, 0, 0)
                    defer { sem_destroy(&semaphore) }
                    clock_gettime(CLOCK_REALTIME, &time)
                    time.tv_nsec += 300_000_000
                    if time.tv_nsec >= 1_000_000_000 {
                        time.tv_nsec -= 1_000_000_000
                        time.tv_sec += 1
                    }
                    // Its clock is wall time, which may be set meanwhile: only the way it ends counts.
                    return sem_timedwait(&semaphore, &time) == -1 && errno == ETIMEDOUT
                case .read:
                    var ends: [CInt] = [-1, -1]
                    guard pipe(&ends) == 0 else { return false }
                    let (reading, writing) = (ends[0], ends[1])
                    defer { close(reading) }
                    guard
                        let writer = try? OwnThread(
                            name: "writer",
                            body: {
                                Glibc.usleep(300_000)
                                close(writing)
                            }
                        )
                    else { return false }
                    defer { writer.join() }
                    var byte: UInt8 = 0
                    guard Glibc.read(reading, &byte, 1) == 0 else { return false }
                    return true
                }
                return Clock.now().nanoseconds(since: began) >= 300_000_000
            }
        }

        @Test("a call that sleeps ends when it would have, however often it is captured", arguments: Call.allCases)
        func undisturbed(_ call: Call) throws {
            let outcome = Atomic<Int>(0)
            let box = Box(outcome)
            let thread = try TestThread { signals in
                unblock()
                signals.begin()
                let isUndisturbed = call.isUndisturbed(signals)
                box.value.store(isUndisturbed ? 1 : 2, ordering: .releasing)
                _ = signals.wake.wait(until: nil)
            }
            defer { thread.stop() }
            var capture = ThreadCapture(policy: CapturePolicy())
            let view = ThreadView(thread.identifier)
            var taken = 0
            for _ in 0..<60 where box.value.load(ordering: .acquiring) == 0 {
                let result = capture.capture(view) { registers, memory, isLive in
                    isLive && registers.programCounter != 0 && memory.word(at: registers.stackPointer & ~7) != nil
                }
                if case .success(let isRead) = result {
                    #expect(isRead)
                    taken += 1
                }
                poll(nil, 0, 4)
            }
            try eventually("\(call) ends") { box.value.load(ordering: .acquiring) != 0 }
            #expect((box.value.load(ordering: .acquiring)) == 1)
            #expect(taken > 0 && capture.statistics.passive == taken)
        }

        @Test("the same sleep, signalled, is cut short: that is what captures spare the host")
        func signalledSleep() throws {
            // Keeps the handler in place, so that the signal does not end the process.
            let capture = ThreadCapture(policy: CapturePolicy())
            let box = Box(Atomic<Int>(0))
            let handle = Box(Atomic<UInt>(0))
            let thread = try TestThread { signals in
                unblock()
                handle.value.store(UInt(pthread_self()), ordering: .releasing)
                signals.begin()
                box.value.store(Glibc.usleep(30_000_000) == 0 ? 1 : 2, ordering: .releasing)
                _ = signals.wake.wait(until: nil)
            }
            defer { thread.stop() }
            let view = ThreadView(thread.identifier)
            try eventually("it sleeps") { view.call()?.blockingCall?.name == "clock_nanosleep" }
            pthread_kill(pthread_t(handle.value.load(ordering: .acquiring)), SIGPROF)
            try eventually("its sleep ends early") { box.value.load(ordering: .acquiring) == 2 }
            #expect(capture.statistics.signalled == 0)
        }

        @Test("program counter and stack pointer are those of the call")
        func place() throws {
            let thread = try TestThread.parked()
            defer { thread.stop() }
            let view = ThreadView(thread.identifier)
            try eventually("the thread sleeps in ppoll") { view.call()?.blockingCall?.name == "ppoll" }
            var capture = ThreadCapture(policy: CapturePolicy(isSignallingAllowed: false))
            guard case .inside(_, _, let stackPointer, let programCounter) = view.call() else {
                Issue.record("not in a call")
                return
            }
            for _ in 0..<100 {
                let result = capture.capture(view) { registers, memory, isLive in
                    registers.programCounter == programCounter && registers.stackPointer == stackPointer && isLive
                }
                #expect(try result.get())
            }
            #expect(capture.statistics.passive == 100)
        }

        @Test("what is read of a thread that goes on meanwhile is discarded, and what is accepted is of one moment")
        func moved() throws {
            let words = Words()
            let thread = try TestThread { signals in
                signals.begin()
                var number: UInt64 = 0
                while !signals.isStopping {
                    number &+= 1
                    for index in 0..<Words.count { words.pointer[index] = number }
                    // Now shorter than a capture, now longer.
                    usleep(30 + 50 * UInt32(number % 16))
                }
            }
            defer { thread.stop() }
            let view = ThreadView(thread.identifier)
            var capture = ThreadCapture(policy: CapturePolicy(isSignallingAllowed: false))
            var torn = 0
            try eventually("captures of both kinds") {
                for round in 0..<200 {
                    let result = capture.capture(view) { registers, memory, isLive in
                        let first = memory.word(at: words.address(0))
                        let until = Clock.now().advanced(byNanoseconds: Int64(round % 8) * 10_000)
                        while Clock.now() < until {}
                        return first == memory.word(at: words.address(Words.count - 1))
                    }
                    if case .success(false) = result { torn += 1 }
                }
                return capture.statistics.passive >= 50 && capture.statistics.discarded >= 50
            }
            #expect(torn == 0)
        }

        @Test("a thread that has ended, one that is not known, and the caller itself are not captured")
        func unknown() throws {
            let thread = try TestThread.parked()
            let view = ThreadView(thread.identifier)
            thread.stop()
            var capture = ThreadCapture(policy: CapturePolicy())
            func omission(_ view: ThreadView) -> CaptureOmission? {
                if case .failure(let omission) = capture.capture(view, { _, _, _ in }) { omission } else { nil }
            }
            #expect(omission(view) == .threadGone)
            #expect(omission(ThreadView(0)) == .threadUnknown)
            #expect(omission(ThreadView(-1)) == .threadUnknown)
            #expect(omission(ThreadView(OwnThread.currentIdentifier)) == .threadUnknown)
            #expect(capture.statistics.omitted == 4)
        }

        @Test("switched off, nothing is captured")
        func switchedOff() throws {
            let thread = try TestThread.parked()
            defer { thread.stop() }
            var capture = ThreadCapture(policy: CapturePolicy(isAllowed: false))
            #expect(capture.capture(ThreadView(thread.identifier)) { _, _, _ in }.omission == .switchedOff)
        }
    }
}

/// Something that a thread and the test share.
final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value

    init(_ value: consuming Value) { self.value = value }
}

extension Result where Failure == CaptureOmission {
    /// Why there is nothing; `nil` if there is something.
    var omission: CaptureOmission? {
        if case .failure(let omission) = self { omission } else { nil }
    }
}
