// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization

/// The threads of the storm: one for each act, one that runs tasks, and ever new ones that end soon.
final class StormCrowd: Sendable {
    /// A thread, and what it does; `nil` where that changes.
    struct Member: Sendable {
        var thread: ThreadIdentifier
        var act: StormAct?
    }

    private final class State: Sendable {
        let isStopping = Atomic<Bool>(false)
        let end: WakeSignal
        let births = Atomic<Int>(0)
        let disturbances = StormAct.Disturbances()
        private let lock = TestLock()
        // nonisolated(unsafe): guarded by the lock.
        nonisolated(unsafe) private var passing: [ThreadIdentifier] = []
        // nonisolated(unsafe): guarded by the lock.
        nonisolated(unsafe) private var rounds: [String] = []

        init() throws { end = try WakeSignal() }

        func add(_ thread: ThreadIdentifier) {
            births.add(1, ordering: .relaxed)
            lock.lock()
            defer { lock.unlock() }
            if passing.count >= 4 { passing.removeFirst() }
            passing.append(thread)
        }

        func ended(_ act: StormAct, rounds: Int) {
            lock.lock()
            defer { lock.unlock() }
            self.rounds.append("\(act) \(rounds)")
        }

        /// How often each act was done.
        var acts: String {
            lock.lock()
            defer { lock.unlock() }
            return rounds.sorted().joined(separator: ", ")
        }

        /// One, and not the array: what other threads still hold of that is given back without a word to ThreadSanitizer.
        func anyPassing() -> ThreadIdentifier? {
            lock.lock()
            defer { lock.unlock() }
            return passing.randomElement()
        }
    }

    /// Threads that are there all the time.
    let members: [Member]
    private let state: State
    private let threads: [StormThread]
    private let executor: ThreadTaskExecutor

    /// Starts the threads.
    init() throws {
        let state = try State()
        self.state = state
        var threads: [StormThread] = []
        var members: [Member] = []
        for act in StormAct.allCases where act != .asynchronous {
            let thread = try StormThread(stackBytes: 64 << 20) { Self.stormBeAlive(act, state) }
            threads.append(thread)
            members.append(Member(thread: thread.identifier, act: act))
        }
        let executor = try ThreadTaskExecutor()
        let tasks = try StormThread(stackBytes: 1 << 20) { executor.run() }
        members.append(Member(thread: tasks.identifier, act: .asynchronous))
        self.executor = executor
        self.members = members
        Task(executorPreference: executor) {
            while !state.isStopping.load(ordering: .acquiring) { _ = await Self.stormAwait(6) }
            executor.stop()
        }
        threads.append(tasks)
        threads.append(try StormThread(stackBytes: 1 << 20) { Self.stormGiveBirth(state) })
        self.threads = threads
    }

    /// A thread that began a moment ago; most of them have ended.
    func anyPassing() -> Member? { state.anyPassing().map { Member(thread: $0, act: nil) } }

    /// What was not as it would have been without captures.
    var disturbances: [String] { state.disturbances.all }

    /// How often each act was done, once all threads have ended.
    var acts: String { state.acts }

    /// How many threads have begun and ended.
    var births: Int { state.births.load(ordering: .relaxed) }

    /// Ends the threads.
    func stop() {
        state.isStopping.store(true, ordering: .releasing)
        state.end.wake()
        for thread in threads { thread.join() }
    }

    @inline(never)
    private static func stormBeAlive(_ act: StormAct, _ state: State) {
        var round = 0
        while !state.isStopping.load(ordering: .acquiring) {
            act.stormPerform(round: round, depth: StormAct.depthMost, until: state.end, state.disturbances)
            round += 1
        }
        state.ended(act, rounds: round)
    }

    @inline(never)
    private static func stormGiveBirth(_ state: State) {
        let acts = StormAct.allCases.filter { ![.fork, .asynchronous, .rest].contains($0) }
        var round = 0
        while !state.isStopping.load(ordering: .acquiring) {
            let act = acts[round % acts.count]
            let thread = try? OwnThread(name: "storm-child", blocksSignals: false) {
                unblock()
                for round in 0..<3 { act.stormPerform(round: round, depth: 500, until: state.end, state.disturbances) }
            }
            guard let thread else {
                state.disturbances.note("no thread")
                continue
            }
            state.add(thread.identifier)
            thread.join()
            round += 1
        }
    }

    @inline(never)
    private static func stormAwait(_ depth: Int) async -> Int {
        await Task.yield()
        guard depth > 0 else { return Int(usleep(300)) }
        return (await stormAwait(depth - 1) &* 31) ^ depth
    }
}
