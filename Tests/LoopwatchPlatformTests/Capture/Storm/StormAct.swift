// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// What threads of the storm do.
enum StormAct: Int, CaseIterable, Sendable {
    case allocate, fail, recurse, rest, sleep, poll, compute, turns, fork, asynchronous

    /// What was not as it would have been without captures.
    final class Disturbances: Sendable {
        private let lock = TestLock()
        // nonisolated(unsafe): guarded by the lock.
        nonisolated(unsafe) private var texts: [String] = []

        /// Notes one, and what `errno` says.
        func note(_ text: String) {
            let code = errno
            lock.lock()
            defer { lock.unlock() }
            if texts.count < 20 { texts.append("\(text), errno \(code)") }
        }

        /// Those that were noted.
        var all: [String] {
            lock.lock()
            defer { lock.unlock() }
            return texts
        }
    }

    private struct Thrown: Error {}

    /// How deep a thread with a large stack recurses.
    static let depthMost = 50_000

    /// Does it for a while.
    ///
    /// - Parameters:
    ///   - round: how often it was done before.
    ///   - depth: how deep to recurse.
    ///   - end: ends a rest.
    ///   - disturbances: takes what went wrong.
    @inline(never)
    func stormPerform(round: Int, depth: Int, until end: WakeSignal, _ disturbances: Disturbances) {
        switch self {
        case .allocate: if stormAllocate(round) == 0 { disturbances.note("nothing was allocated") }
        case .fail: if (try? stormFail(50)) != nil { disturbances.note("nothing was thrown") }
        case .recurse: _ = stormRecurse(depth, until: nil)
        // For long, because a debug build takes seconds to read so deep a stack.
        case .rest: _ = stormRecurse(depth, until: end)
        case .sleep: if stormSleep(200) != 0 { disturbances.note("usleep") }
        case .poll: if stormPoll() != 0 { disturbances.note("poll") }
        case .compute: stormCompute(nanoseconds: 3_000_000)
        case .turns:
            stormCompute(nanoseconds: 400_000)
            if stormSleep(60) != 0 { disturbances.note("usleep between two computations") }
        case .fork:
            let began = Clock.now()
            stormFork(round, disturbances)
            // Nobody gets far while the kernel copies what a sanitizer has mapped.
            let nanoseconds = 3 * min(Clock.now().nanoseconds(since: began), 200_000_000)
            if stormSleep(UInt32(nanoseconds / 1_000)) != 0 { disturbances.note("usleep after a fork") }
        case .asynchronous: break
        }
        // In turns with sleeps of many lengths, so that the others get a processor.
        if round % 2 == 1, stormSleep(200 + 900 * UInt32(round % 8)) != 0 { disturbances.note("usleep") }
    }

    /// The functions that it calls, by a part of their mangled names; all of them sleep now and then.
    var functions: [String] {
        switch self {
        case .allocate: ["stormAllocate"]
        case .fail: ["stormFail"]
        case .recurse, .rest: ["stormRecurse"]
        case .sleep: []
        case .poll: ["stormPoll"]
        case .compute: ["stormCompute"]
        case .turns: ["stormCompute"]
        case .fork: ["stormFork"]
        case .asynchronous: ["stormAwait"]
        }
    }

    @inline(never)
    private func stormAllocate(_ round: Int) -> Int {
        var pieces: [[UInt8]] = []
        for size in 0..<64 { pieces.append([UInt8](repeating: 1, count: 1 << (size % 16))) }
        let names = (0..<16).map { "a name that is too long to be stored in place \($0 &* round)" }
        return Set(names).count &+ pieces.count
    }

    @inline(never)
    private func stormFail(_ depth: Int) throws -> Int {
        if depth == 0 { throw Thrown() }
        return (try stormFail(depth - 1) &* 31) ^ depth
    }

    // Nothing that the optimiser could make a loop or a jump of.
    @inline(never)
    private func stormRecurse(_ left: Int, until end: WakeSignal?) -> Int {
        if left == 0 {
            guard let end else { return Int(usleep(1_000)) }
            return end.wait(until: nil) ? 1 : 0
        }
        return (stormRecurse(left - 1, until: end) &* 31) ^ left
    }

    @inline(never)
    private func stormSleep(_ microseconds: UInt32) -> CInt {
        let result = usleep(microseconds)
        return result | 0
    }

    @inline(never)
    private func stormPoll() -> CInt {
        let result = Glibc.poll(nil, 0, 1)
        return result | 0
    }

    @inline(never)
    private func stormCompute(nanoseconds: Int64) {
        let until = Clock.now().advanced(byNanoseconds: nanoseconds)
        while Clock.now() < until {}
    }

    private typealias Fork = @convention(c) () -> pid_t

    // Swift does not import fork(2), because little may be done after it in a process of several threads: here nothing is
    // but to end, or to run another program.
    private static let forkFunction = dlsym(nil, "fork").map { unsafeBitCast($0, to: Fork.self) }

    @inline(never)
    private func stormFork(_ round: Int, _ disturbances: Disturbances) {
        guard let fork = Self.forkFunction else { return disturbances.note("no fork") }
        let executes = round % 4 == 0
        var path: [CChar] = Array("/bin/true".utf8CString)
        path.withUnsafeMutableBufferPointer { path in
            var arguments: [UnsafeMutablePointer<CChar>?] = [path.baseAddress, nil]
            arguments.withUnsafeMutableBufferPointer { arguments in
                let child = fork()
                if child == 0 {
                    if executes { execve(path.baseAddress!, arguments.baseAddress!, nil) }
                    _exit(executes ? 1 : 0)
                }
                guard child > 0 else { return disturbances.note("fork") }
                var status: CInt = 0
                if waitpid(child, &status, 0) != child || status != 0 { disturbances.note("a child: \(status)") }
            }
        }
    }
}
