// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import Synchronization

    /// Holds a thread in a signal handler, and tells all the registers that it had: what an unwinder that only knows two of
    /// them is compared with.
    ///
    /// One at a time in a process: another waits for its turn. Threads that get the signal to be woken from a sleep, in
    /// tests that run at the same time, are let go.
    enum RegisterTrap {
        /// A signal that nothing else in the tests uses.
        static let signal = SIGUSR2

        private static let state = Atomic<Int>(State.idle)
        /// The thread that is to be held.
        private static let target = Atomic<UInt>(0)
        private static let turn = Mutex(())
        // nonisolated(unsafe): written by the handler before it says so, read after.
        nonisolated(unsafe) private static let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 17)

        private enum State {
            static let idle = 0
            static let armed = 1
            static let held = 2
            static let released = 3
        }

        /// Installs the handler.
        static let install: Void = {
            words.initialize(repeating: 0, count: 17)
            state.store(State.idle, ordering: .sequentiallyConsistent)
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = { _, _, context in RegisterTrap.hold(context) }
            action.sa_flags = CInt(SA_SIGINFO)
            sigaction(signal, &action, nil)
        }()

        private static func hold(_ context: UnsafeMutableRawPointer?) {
            guard let context, state.load(ordering: .sequentiallyConsistent) == State.armed,
                target.load(ordering: .sequentiallyConsistent) == UInt(pthread_self())
            else { return }
            let machine = context.assumingMemoryBound(to: ucontext_t.self).pointee.uc_mcontext.gregs
            // The order of sys/ucontext.h: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
            let order: InlineArray<17, Int> = [13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16]
            withUnsafeBytes(of: machine) { bytes in
                for number in 0..<17 {
                    words[number] = bytes.load(fromByteOffset: order[number] * 8, as: UInt64.self)
                }
            }
            state.store(State.held, ordering: .sequentiallyConsistent)
            while state.load(ordering: .sequentiallyConsistent) == State.held { usleep(100) }
            state.store(State.idle, ordering: .sequentiallyConsistent)
        }

        /// Whether no thread is held now.
        static var holdsNone: Bool { state.load(ordering: .sequentiallyConsistent) < State.held }

        /// Has a thread stop where it is, and looks at it.
        ///
        /// Whatever system call it is in is cut short.
        static func hold<Result>(_ thread: pthread_t, _ look: ([UInt64]) -> Result) throws -> Result {
            try turn.withLock { _ in
                target.store(UInt(thread), ordering: .sequentiallyConsistent)
                state.store(State.armed, ordering: .sequentiallyConsistent)
                pthread_kill(thread, signal)
                try eventually("the thread is held") { state.load(ordering: .sequentiallyConsistent) == State.held }
                let result = look(Array(UnsafeBufferPointer(start: words, count: 17)))
                state.store(State.released, ordering: .sequentiallyConsistent)
                try eventually("the thread goes on") { state.load(ordering: .sequentiallyConsistent) == State.idle }
                return result
            }
        }

        /// Lets the calling thread be held.
        static func allow() {
            // The signal also ends what a thread sleeps in, in tests that hold none: without a handler it ends the process.
            install
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, signal)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        }
    }
#endif
