// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Synchronization
import Testing

@testable import LoopwatchPlatform

@Suite("Child processes that are waited for", .timeLimit(.minutes(10)))
struct ChildProcessesTests {
    private final class Shared: Sendable {
        let child = Atomic<Int32>(0)
    }

    /// Starts `sleep 60`, on the thread that calls.
    private static func spawn() -> pid_t {
        var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        return posix_spawnp(&child, "sleep", nil, nil, &words, environ) == 0 ? child : 0
    }

    @Test("one that a thread waits for is named by its call, and one that it started meanwhile is known")
    func waiting() throws {
        let shared = Shared()
        let started = Clock.now()
        let thread = try TestThread("waits for a child") { signals in
            signals.begin()
            let child = Self.spawn()
            shared.child.store(child, ordering: .releasing)
            var status: CInt = 0
            waitpid(child, &status, 0)
        }
        try eventually("the child runs") { shared.child.load(ordering: .acquiring) != 0 }
        let child = shared.child.load(ordering: .acquiring)
        try #require(child > 0)
        let view = RemoteThread(process: getpid(), thread: thread.identifier, isSampled: true)
        let expected = ChildProcesses.Child(identifier: child, name: "sleep")
        try eventually("the thread waits for it") {
            view.call().flatMap { ChildProcesses.named(by: $0) } == expected
        }
        #expect(ChildProcesses.started(by: thread.identifier, of: getpid(), since: started) == [expected])
        // It was there before, and is not what a block that began now waits for.
        let later = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        #expect(ChildProcesses.started(by: thread.identifier, of: getpid(), since: later).isEmpty)
        // Another thread's children are not its own.
        #expect(ChildProcesses.started(by: Int32.max, of: getpid(), since: started).isEmpty)
        kill(child, SIGKILL)
        thread.stop()
    }

    @Test("calls that name no child name none")
    func none() throws {
        for line in ["running", "61 0xffffffff 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f", "0 0x1 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f"] {
            let call = try #require(Array(line.utf8).withUnsafeBytes { RemoteCall($0) })
            #expect(ChildProcesses.named(by: call) == nil)
        }
    }
}
