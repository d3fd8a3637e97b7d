// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchCore
    import Synchronization
    import Testing

    @testable import LoopwatchPlatform

    /// What stopping does to the thread that is stopped: threads of this test process, stopped by a child of its own.
    @Suite("Stops of other processes' threads", .serialized)
    struct RemoteStopTests {
        /// A thread that waits for events, and counts how its calls end.
        private final class Waiting: Sendable {
            let returns = Atomic<Int>(0)
            let interrupted = Atomic<Int>(0)
        }

        /// The thread sleeps in epoll_wait until the signals' descriptor is readable: the kernel never restarts that call.
        private func waitingThread(_ waiting: Waiting, withSignal: Bool = false) throws -> TestThread {
            let calls = try EpollCalls()
            let thread = try TestThread("waiting") { signals in
                let descriptor = calls.create(0)
                defer { close(descriptor) }
                guard calls.add(signals.wake.descriptor, to: descriptor) else { return }
                // Threads of this kind block all signals, so that it stays where it is.
                if withSignal { pthread_kill(pthread_self(), SIGURG) }
                signals.begin()
                while !signals.isStopping {
                    if calls.wait(on: descriptor, milliseconds: -1) < 0, errno == EINTR {
                        waiting.interrupted.add(1, ordering: .relaxed)
                    }
                    waiting.returns.add(1, ordering: .relaxed)
                }
            }
            try eventually("the thread waits") {
                guard case .inside(let number, _, _, _) = ThreadView(thread.identifier).call() else { return false }
                return SystemCall.name(of: number).hasPrefix("epoll_")
            }
            return thread
        }

        @Test("a thread that waits for events is read and not stopped, whether it may be or not")
        func waiting() async throws {
            let waiting = Waiting()
            let thread = try waitingThread(waiting)
            await #expect(processExitsWith: .success) { [identifier = thread.identifier as Int32] in
                recordingErrors {
                    var reader = try RemoteStackReader(process: getppid())
                    for reading in 0..<400 {
                        let stack = try reader.stack(of: identifier, allowsStop: reading % 2 == 0).get()
                        #expect(stack.frames.contains { $0.function.contains("epoll_wait") })
                    }
                    #expect(reader.statistics.captures == 400 && reader.statistics.stops == 0)
                }
            }
            #expect(waiting.returns.load(ordering: .relaxed) == 0)
            thread.stop()
            #expect(waiting.returns.load(ordering: .relaxed) == 1)
            #expect(waiting.interrupted.load(ordering: .relaxed) == 0)
        }

        @Test(
            "one that begins to wait just before it is stopped waits on, also where a signal that it blocks waits for it",
            arguments: [false, true]
        )
        func entering(withSignal: Bool) async throws {
            let waiting = Waiting()
            let thread = try waitingThread(waiting, withSignal: withSignal)
            await #expect(processExitsWith: .success) { [identifier = thread.identifier as Int32] in
                recordingErrors {
                    // What the kernel said of it a moment ago.
                    var path = Array("/tmp/loopwatch-said-XXXXXX\0".utf8CString)
                    let said = mkstemp(&path)
                    unlink(path)
                    defer { close(said) }
                    #expect(write(said, "running\n", 8) == 8)
                    let copy = StackCopy()
                    var tally = StoppedThread.Tally()
                    for _ in 0..<200 {
                        _ = try StoppedThread(
                            identifier,
                            of: getppid(),
                            callDescriptor: said,
                            into: copy.bytes,
                            counting: &tally
                        )
                        // Until it sleeps again: a thread that has not yet gone on is in no call.
                        poll(nil, 0, 2)
                    }
                    #expect(tally.stops == 200 && tally.callsInterrupted == 0, "\(tally)")
                    #expect(tally.callsRestarted > 150, "\(tally)")
                }
            }
            #expect(waiting.returns.load(ordering: .relaxed) == 0)
            thread.stop()
            #expect(waiting.returns.load(ordering: .relaxed) == 1)
            #expect(waiting.interrupted.load(ordering: .relaxed) == 0)
        }

        @Test("no call that a thread makes in turn with computing is cut short by them")
        func turns() async throws {
            let turns = Waiting()
            let calls = try EpollCalls()
            let thread = try TestThread("turns") { signals in
                let descriptor = calls.create(0)
                defer { close(descriptor) }
                signals.begin()
                var word: UInt64 = 1
                while !signals.isStopping {
                    for _ in 0..<2_000 { word = word &* 6_364_136_223_846_793_005 &+ 1 }
                    if word == 0 { break }
                    if calls.wait(on: descriptor, milliseconds: 1) < 0, errno == EINTR {
                        turns.interrupted.add(1, ordering: .relaxed)
                    }
                    turns.returns.add(1, ordering: .relaxed)
                }
            }
            await #expect(processExitsWith: .success) { [identifier = thread.identifier as Int32] in
                recordingErrors {
                    var reader = try RemoteStackReader(process: getppid())
                    let deadline = Clock.now().advanced(byNanoseconds: 4_000_000_000)
                    while Clock.now() < deadline { _ = reader.stack(of: identifier, allowsStop: true) }
                    #expect(reader.statistics.captures > 100)
                    #expect(reader.statistics.callsInterrupted == 0)
                }
            }
            thread.stop()
            #expect(turns.interrupted.load(ordering: .relaxed) == 0)
            #expect(turns.returns.load(ordering: .relaxed) > 100)
        }

        @Test("a thread goes on when whoever has stopped it is killed")
        func killed() async throws {
            final class Progress: Sendable { let steps = Atomic<Int>(0) }
            let progress = Progress()
            let thread = try TestThread("computing") { signals in
                signals.begin()
                while !signals.isStopping { progress.steps.add(1, ordering: .relaxed) }
            }
            // Killed at any moment of stops that follow one another: in one of them at least is certain enough.
            for round in 0..<12 {
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [identifier = thread.identifier as Int32, round = round as Int] in
                    recordingErrors {
                        try OwnThread(name: "killer") {
                            poll(nil, 0, CInt(20 + round * 3))
                            kill(getpid(), SIGKILL)
                        }.detach()
                        let copy = StackCopy()
                        let files = try RemoteThreadFiles(process: getppid(), thread: identifier)
                        var tally = StoppedThread.Tally()
                        while true {
                            _ = try? StoppedThread(
                                identifier,
                                of: getppid(),
                                callDescriptor: files.callDescriptor,
                                into: copy.bytes,
                                counting: &tally
                            )
                        }
                    }
                }
                let before = progress.steps.load(ordering: .relaxed)
                try eventually("the thread goes on") { progress.steps.load(ordering: .relaxed) > before + 1_000 }
                let path = "/proc/self/task/\(thread.identifier)/status"
                let status = String(decoding: WholeFile.bytes(at: path, atMost: 8_192), as: UTF8.self)
                #expect(status.contains("TracerPid:\t0\n") && !status.contains("tracing stop"))
            }
            thread.stop()
        }
    }

    /// The calls of epoll(7), which the module of the C library does not import.
    private final class EpollCalls: Sendable {
        private typealias Wait = @convention(c) (CInt, UnsafeMutableRawPointer, CInt, CInt) -> CInt
        private typealias Control = @convention(c) (CInt, CInt, CInt, UnsafeMutableRawPointer) -> CInt
        let create: @convention(c) (CInt) -> CInt
        private let waitFunction: Wait
        private let controlFunction: Control

        init() throws {
            create = unsafeBitCast(
                try #require(dlsym(nil, "epoll_create1")),
                to: (@convention(c) (CInt) -> CInt).self
            )
            waitFunction = unsafeBitCast(try #require(dlsym(nil, "epoll_wait")), to: Wait.self)
            controlFunction = unsafeBitCast(try #require(dlsym(nil, "epoll_ctl")), to: Control.self)
        }

        func wait(on descriptor: CInt, milliseconds: CInt) -> CInt {
            withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { events in
                waitFunction(descriptor, events.baseAddress!, 1, milliseconds)
            }
        }

        /// Waits for what can be read, too.
        func add(_ added: CInt, to descriptor: CInt) -> Bool {
            withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { event in
                event.initializeMemory(as: UInt8.self, repeating: 0)
                // EPOLLIN, EPOLL_CTL_ADD.
                event.storeBytes(of: 1, as: UInt32.self)
                return controlFunction(descriptor, 1, added, event.baseAddress!) == 0
            }
        }
    }
#endif
