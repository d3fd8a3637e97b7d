// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchCore
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

        @Test("of a thread that has not moved are read once")
        func unmoved() throws {
            let loop = try LoopFixture()
            func waits() throws {
                let thread = RemoteThread(process: loop.identifier, thread: loop.identifier, isSampled: true)
                try eventually("the loop waits") { thread.call()?.wait != nil }
            }
            try waits()
            var reader = try RemoteStackReader(process: loop.identifier)
            let waiting = try reader.stack(of: loop.identifier, allowsStop: false).get()
            #expect(waiting.frames.contains { $0.function == "main" } && reader.statistics.unmoved == 0)
            for _ in 0..<3 {
                #expect(try reader.stack(of: loop.identifier, allowsStop: false).get() == waiting)
            }
            #expect(reader.statistics.captures == 4 && reader.statistics.unmoved == 3)
            // It runs, and sleeps in the same call again.
            loop.tell("sleep 1")
            _ = try loop.done()
            try waits()
            #expect(try reader.stack(of: loop.identifier, allowsStop: false).get().frames.count == waiting.frames.count)
            #expect(reader.statistics.captures == 5 && reader.statistics.unmoved == 3)
            loop.tell("sleep 500")
            let sleeping = try reader.stack(of: loop.identifier, allowsStop: false, "it sleeps") { stack in
                stack.frames.contains { $0.function == "sleep_ms" }
            }
            #expect(sleeping != waiting)
            #expect(try reader.stack(of: loop.identifier, allowsStop: false).get() == sleeping)
            _ = try loop.done()
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
                    func expectCallers(_ stack: Stack) {
                        let functions = stack.frames.map(\.function)
                        for name in ["unwindInner", "unwindMiddle", "unwindOuter"] {
                            #expect(functions.contains { $0.contains(name) }, "\(functions)")
                        }
                    }
                    expectCallers(stack)
                    #expect(reader.statistics.stops > 0)
                    #expect(reader.statistics.callsInterrupted == 0)
                    // Each is timed by itself.
                    #expect(reader.statistics.stopTimes.count == UInt64(reader.statistics.stops))
                    #expect(
                        reader.statistics.stopTimes.sumNanoseconds == Int64(reader.statistics.stopNanosecondsTotal)
                    )
                    // Generous: others build at the same time.
                    #expect(reader.statistics.stopNanosecondsMaximum < 2_000_000_000)
                    let stops = reader.statistics.stops
                    var refusals = 0
                    try eventually("it is refused where it computes") {
                        switch reader.stack(of: identifier, allowsStop: false) {
                        case .failure(.running): refusals += 1
                        // It computes with memory, and waits for it now and then: for the allocator, which another thread
                        // holds, or for the kernel, which copies the process for a fork. That is no computing.
                        case .success(let stack): expectCallers(stack)
                        case .failure(let omission):
                            #expect(omission == .moved || omission == .unsteady, "\(omission)")
                        }
                        return refusals >= 50
                    }
                    #expect(reader.statistics.stops == stops)
                }
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            thread.join()
        }
    }
#endif
