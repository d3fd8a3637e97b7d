// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import EpollLoops
import Glibc
import Loopwatch
import Synchronization

/// The targets, and what is done with them.
final class ScaleHost: Sendable {
    private let settings: Settings
    private let loops: [EpollLoop]
    private let queues: [DispatchQueue]
    private let pools: [WorkerPool]
    private let meteredPools: [WorkerPool]
    private let meters = Mutex<[PoolMeter]>([])
    /// What holds everything that is blocked; a member each time, so that it is left and never entered again.
    private let gate = Mutex<DispatchSemaphore?>(nil)
    private let held = Atomic<Int>(0)

    init(_ settings: Settings) {
        self.settings = settings
        loops = (0..<settings.loops).map { _ in EpollLoop() }
        queues = (0..<settings.queues).map { DispatchQueue(label: "queue-\($0)") }
        pools = (0..<settings.pools).map { _ in WorkerPool() }
        meteredPools = (0..<settings.meters).map { _ in WorkerPool() }
    }

    /// Has everything watched.
    func add(to watch: Loopwatch) {
        for (index, loop) in loops.enumerated() { add(.loop("loop-\(index)") { loop.execute($0) }, to: watch) }
        for (index, queue) in queues.enumerated() { add(.queue("queue-\(index)", queue), to: watch) }
        for (index, pool) in pools.enumerated() {
            let target = WatchTarget.pool(
                "pool-\(index)",
                submit: { pool.submit($0) },
                depth: { pool.waiting },
                size: { WorkerPool.size }
            )
            add(target, to: watch)
        }
        meters.withLock { meters in
            meters = meteredPools.indices.map { watch.meter("meter-\($0)", size: WorkerPool.size) }
        }
    }

    private func add(_ target: WatchTarget, to watch: Loopwatch) {
        if let problem = watch.add(target).problem { say("PROBLEM \(problem)") }
    }

    /// Begins with the short jobs, and the threads that nobody watches.
    func start() {
        for index in 0..<settings.threads {
            ownThread {
                usleep(UInt32(index * 199 % 100_000))
                while true {
                    Task.detached { pulse() }
                    usleep(100_000)
                }
            }
        }
        guard settings.rate > 0 else { return }
        let interval = 1_000_000 / UInt32(settings.rate)
        let all = ofLoops + ofQueues + ofPools
        ownThread {
            while true {
                for execute in all { execute { pulse() } }
                usleep(interval)
            }
        }
    }

    /// Runs a closure on a target.
    private typealias Execute = @Sendable (@escaping @Sendable () -> Void) -> Void

    private var ofLoops: [Execute] {
        loops.map { loop -> Execute in { (job: @escaping @Sendable () -> Void) in loop.execute(job) } }
    }
    private var ofQueues: [Execute] {
        queues.map { queue -> Execute in { (job: @escaping @Sendable () -> Void) in queue.async(execute: job) } }
    }
    private var ofPools: [Execute] {
        let bare = pools.map { pool -> Execute in { (job: @escaping @Sendable () -> Void) in pool.submit(job) } }
        let meters = meters.withLock { $0 }
        let metered = meteredPools.enumerated().map { index, pool -> Execute in
            // Nobody watches where there are no meters.
            let meter = meters.isEmpty ? nil : meters[index]
            return { (job: @escaping @Sendable () -> Void) in pool.submit(meter?.metered(job) ?? job) }
        }
        return bare + metered
    }

    // MARK: Blocks

    /// Blocks the last loops in turn for two and a half thresholds each; returns when the last has ended.
    func stall(count: Int, rate: Int, onLast width: Int) {
        let own = loops.suffix(width)
        guard !own.isEmpty, rate > 0 else { return say("UNKNOWN no loops to stall") }
        let microseconds = UInt32(settings.thresholdMilliseconds * 2_500)
        let done = DispatchGroup()
        let began = DispatchTime.now().uptimeNanoseconds
        for number in 0..<count {
            let due = began + UInt64(number) * 1_000_000_000 / UInt64(rate)
            let now = DispatchTime.now().uptimeNanoseconds
            if now < due { usleep(UInt32((due - now) / 1_000)) }
            done.enter()
            own[own.startIndex + number % own.count].execute {
                // Calls of two functions in an order of its own: 1,024 different stacks.
                if callLeft(path: number, depth: 10, microseconds) != .min { done.leave() }
            }
        }
        done.wait()
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        say("STALLED \(count) \(seconds)")
    }

    /// Blocks the first loops, every queue, every thread of every pool and of Swift's until ``free()``.
    func block(first count: Int) {
        let gate = DispatchSemaphore(value: 0)
        self.gate.withLock { $0 = gate }
        let holding: @Sendable () -> Void = { [self] in
            held.add(1, ordering: .relaxed)
            gate.wait()
            // The next one may pass too.
            gate.signal()
            held.subtract(1, ordering: .relaxed)
        }
        var jobs = Array(ofLoops.prefix(count)) + ofQueues
        for pool in ofPools { jobs += [Execute](repeating: pool, count: WorkerPool.size) }
        let processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        let onSwiftsPool: Execute = { (job: @escaping @Sendable () -> Void) in _ = Task.detached { job() } }
        jobs += [Execute](repeating: onSwiftsPool, count: processors)
        for execute in jobs { execute(holding) }
        let expected = jobs.count
        let deadline = DispatchTime.now().uptimeNanoseconds + 20_000_000_000
        while held.load(ordering: .relaxed) < expected, DispatchTime.now().uptimeNanoseconds < deadline {
            usleep(1_000)
        }
        say("BLOCKED \(held.load(ordering: .relaxed)) \(expected)")
    }

    /// Lets everything go on.
    func free() {
        gate.withLock { gate in
            gate?.signal()
            gate = nil
        }
        while held.load(ordering: .relaxed) > 0 { usleep(1_000) }
    }
}

/// A short job: some microseconds.
@inline(never)
private func pulse() {
    var sum: UInt64 = 0
    for number in 0..<2_000 as Range<UInt64> { sum = sum &* 31 &+ number }
    if sum == 1 { say("") }
}

@inline(never)
private func callLeft(path: Int, depth: Int, _ microseconds: UInt32) -> Int {
    guard depth > 0 else { return waitForBackend(microseconds) }
    let isRight = path % 2 == 1
    let inner = (isRight ? callRight : callLeft)(path / 2, depth - 1, microseconds)
    // Work is left after the call that depends on what it came to: else the compiler makes a loop of all calls in a row.
    return inner < 0 ? inner : inner &* 5 &- depth
}

@inline(never)
private func callRight(path: Int, depth: Int, _ microseconds: UInt32) -> Int {
    guard depth > 0 else { return waitForBackend(microseconds) }
    // Not the same as the other, or the compiler would make one function of both.
    let isRight = path & 1 != 0
    let inner = (isRight ? callRight : callLeft)(path >> 1, depth - 1, microseconds)
    return inner < 0 ? inner : inner &* 3 ^ depth
}

@inline(never)
private func waitForBackend(_ microseconds: UInt32) -> Int {
    usleep(microseconds)
    return 0
}
