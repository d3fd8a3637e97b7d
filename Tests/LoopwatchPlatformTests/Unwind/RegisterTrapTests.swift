// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import Synchronization
    import Testing

    @testable import LoopwatchPlatform

    /// What other tests rely on.
    @Suite("Register trap")
    struct RegisterTrapTests {
        @Test("holds the thread that it was told to, and lets go another that gets the signal before it")
        func holdsItsThread() throws {
            RegisterTrap.install
            let other = BlockedCase(.usleep)
            let sleeper = try OwnThread(name: "sleeper") {
                _ = other.unwindOuter(1)
                other.end()
            }
            try eventually("the other thread sleeps") { other.identifier != nil }

            // A thread that the signal has to wait for, until the other one has had it.
            let thread = Atomic<UInt>(0)
            let stack = Atomic<UInt64>(0)
            let isDone = Atomic<Bool>(false)
            let held = try OwnThread(name: "held") {
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, RegisterTrap.signal)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                withUnsafePointer(to: signals) { place in
                    stack.store(UInt64(UInt(bitPattern: place)), ordering: .releasing)
                }
                thread.store(UInt(pthread_self()), ordering: .releasing)
                while !isDone.load(ordering: .acquiring), !RegisterTrapTests.isPending(OwnThread.currentIdentifier) {
                    usleep(100)
                }
                other.release()
                while !other.hasEnded, !isDone.load(ordering: .acquiring), RegisterTrap.holdsNone { usleep(100) }
                RegisterTrap.allow()
                while !isDone.load(ordering: .acquiring) { usleep(100) }
            }
            try eventually("the thread is there") { thread.load(ordering: .acquiring) != 0 }
            let stackPointer = try RegisterTrap.hold(pthread_t(thread.load(ordering: .acquiring))) { words in words[7] }
            isDone.store(true, ordering: .releasing)
            held.join()
            try eventually("the other thread gets through") { other.hasEnded }
            sleeper.join()
            let distance = stackPointer.distance(to: stack.load(ordering: .acquiring))
            #expect(abs(distance) < 64 * 1024, "the stack pointer of another thread: \(distance) bytes away")
        }

        /// Whether the signal waits for a thread (SigPnd in proc_pid_status(5)).
        private static func isPending(_ thread: ThreadIdentifier) -> Bool {
            guard let file = ProcFile(path: "/proc/self/task/\(thread)/status"),
                let line = String(decoding: file.bytes(atMost: 4_096), as: UTF8.self).split(separator: "\n")
                    .first(where: { $0.hasPrefix("SigPnd:") }),
                let word = line.split(separator: "\t").last,
                let signals = UInt64(word, radix: 16)
            else { return false }
            return signals & (1 << UInt64(RegisterTrap.signal - 1)) != 0
        }
    }
#endif
