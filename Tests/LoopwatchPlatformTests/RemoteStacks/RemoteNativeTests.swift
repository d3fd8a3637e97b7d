// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchCore
    import Synchronization
    import Testing

    @testable import LoopwatchPlatform

    /// This test process, looked at by a child of its own.
    @Suite("Stacks of compiled programs", .serialized)
    struct RemoteNativeTests {
        @Test("are those that the process sees itself", arguments: BlockingWay.sleeping)
        func sleeping(way: BlockingWay) async throws {
            RegisterTrap.install
            let blocked = BlockedCase(way)
            if way == .mutex { blocked.lock.lock() }
            let thread = try OwnThread(name: "victim") {
                _ = blocked.unwindOuter(1)
                blocked.end()
            }
            try eventually("the thread blocks") {
                guard let identifier = blocked.identifier,
                    case .inside(let number, _, _, _) = ThreadView(identifier).call()
                else { return false }
                return SystemCall.name(of: number) == way.call
            }
            let identifier = try #require(blocked.identifier)
            await #expect(processExitsWith: .success) {
                [identifier = identifier as Int32, name = way.rawValue as String] in
                recordingErrors {
                    let way = try #require(BlockingWay(rawValue: name))
                    var reader = try RemoteStackReader(process: getppid())
                    let stack = try reader.stack(of: identifier, allowsStop: false, "the thread sleeps") { _ in true }
                    var functions = stack.frames.map(\.function)[...]
                    for name in way.names + ["unwindInner", "unwindMiddle", "unwindOuter"] {
                        let place = functions.firstIndex { $0.contains(name) }
                        #expect(place != nil, "\(name) is missing in \(stack.frames.map(\.function))")
                        if let place { functions = functions[(place + 1)...] }
                    }
                    #expect(!stack.isTruncated)
                    #expect(functions.contains { $0.hasPrefix("clone") })
                    #expect(stack.blamed?.function.contains("lock") == true || stack.blamedIndex != nil)
                    #expect(reader.statistics.stops == 0 && reader.statistics.captures == 1)
                    // A thread that is not there.
                    #expect(reader.stack(of: .max, allowsStop: true) == .failure(.threadGone))
                }
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            thread.join()
        }

        @Test("of a thread that computes are had by stopping it, if that is allowed")
        func computing() async throws {
            let blocked = BlockedCase(.computing)
            let thread = try OwnThread(name: "victim") {
                _ = blocked.unwindOuter(1)
                blocked.end()
            }
            try eventually("the thread computes") { blocked.identifier != nil }
            let identifier = try #require(blocked.identifier)
            await #expect(processExitsWith: .success) { [identifier = identifier as Int32] in
                recordingErrors {
                    var reader = try RemoteStackReader(process: getppid())
                    let stack = try reader.stack(of: identifier, "the thread computes") { stack in
                        stack.frames.contains { $0.function.contains("computeUntilReleased") }
                    }
                    let functions = stack.frames.map(\.function)
                    for name in ["unwindInner", "unwindMiddle", "unwindOuter"] {
                        #expect(functions.contains { $0.contains(name) }, "\(functions)")
                    }
                    #expect(reader.statistics.stops > 0)
                    #expect(reader.statistics.callsInterrupted == 0)
                    // Generous: others build at the same time.
                    #expect(reader.statistics.stopNanosecondsMaximum < 2_000_000_000)
                    let stops = reader.statistics.stops
                    for _ in 0..<50 {
                        if case .success = reader.stack(of: identifier, allowsStop: false) {
                            Issue.record("a thread that computes was read without being stopped")
                        }
                    }
                    #expect(reader.statistics.stops == stops)
                }
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            thread.join()
        }

        /// What a thread that waits for events and computes in turns has seen.
        private final class Turns: Sendable {
            let waits = Atomic<Int>(0)
            let interrupted = Atomic<Int>(0)
        }

        /// The calls of epoll(7), which the module of the C library does not import: ones that the kernel never restarts.
        private final class EpollCalls: Sendable {
            private typealias Wait = @convention(c) (CInt, UnsafeMutableRawPointer, CInt, CInt) -> CInt
            let create: @convention(c) (CInt) -> CInt
            private let waitFunction: Wait

            init() throws {
                create = unsafeBitCast(
                    try #require(dlsym(nil, "epoll_create1")),
                    to: (@convention(c) (CInt) -> CInt).self
                )
                waitFunction = unsafeBitCast(try #require(dlsym(nil, "epoll_wait")), to: Wait.self)
            }

            func wait(on descriptor: CInt, milliseconds: CInt) -> CInt {
                withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { events in
                    waitFunction(descriptor, events.baseAddress!, 1, milliseconds)
                }
            }
        }

        @Test("no call that waits is cut short by them")
        func nothingInterrupted() async throws {
            let turns = Turns()
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
                    turns.waits.add(1, ordering: .relaxed)
                }
            }
            await #expect(processExitsWith: .success) { [identifier = thread.identifier as Int32] in
                recordingErrors {
                    var reader = try RemoteStackReader(process: getppid())
                    let deadline = Clock.now().advanced(byNanoseconds: 4_000_000_000)
                    while Clock.now() < deadline { _ = reader.stack(of: identifier, allowsStop: true) }
                    #expect(reader.statistics.captures > 100)
                    #expect(reader.statistics.callsInterrupted == 0)
                    print("stops: \(reader.statistics)")
                }
            }
            thread.stop()
            #expect(turns.interrupted.load(ordering: .relaxed) == 0)
            #expect(turns.waits.load(ordering: .relaxed) > 100)
        }
    }
#endif
