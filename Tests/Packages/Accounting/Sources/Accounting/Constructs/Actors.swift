// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

private actor Counter {
    private var value = 0

    func add() -> Int {
        let read = value
        value = read + 1
        return value
    }
    var current: Int { value }
}

private actor Reentrant {
    private let trace: Trace
    private var isInside = false

    init(_ trace: Trace) { self.trace = trace }

    func enter(_ name: String) async {
        trace.note("\(name)+\(isInside)")
        isInside = true
        await Task.yield()
        trace.note("\(name)-\(isInside)")
        isInside = false
    }

    func short(_ name: String) { trace.note(name) }

    func callBack(_ other: Reentrant, depth: Int) async -> Int {
        depth == 0 ? 0 : await other.callBack(self, depth: depth - 1) + 1
    }
}

/// What tells the main queue.
private enum MainQueue {
    /// Lives as long as the queue: Dispatch compares addresses, and another key at that of one that is gone would be given a value
    /// of another type.
    static let key = DispatchSpecificKey<Bool>()
}

private final class ThreadExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "actor's own")
    static let key = DispatchSpecificKey<String>()
    let jobs = Shared<[UInt8]>([])

    init() { queue.setSpecific(key: Self.key, value: "own") }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job.priority.rawValue) }
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

private actor WithMain {
    nonisolated var unownedExecutor: UnownedSerialExecutor { MainActor.sharedUnownedExecutor }
    private var value = 0

    func add() -> Int {
        value += 1
        MainActor.assertIsolated()
        return value
    }
}

private actor OnOwn {
    let executor = ThreadExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func place() -> String { DispatchQueue.getSpecific(key: ThreadExecutor.key) ?? "elsewhere" }
}

private actor Isolated {
    private let trace: Trace
    private let gate: Gate
    private let other: Counter

    init(_ trace: Trace, _ gate: Gate, _ other: Counter) {
        self.trace = trace
        self.gate = gate
        self.other = other
    }

    isolated deinit {
        trace.note("deinit isolated \(isIsolated())")
        gate.open()
    }

    func work() -> String { "works" }

    private func isIsolated() -> Bool {
        self.assertIsolated()
        return true
    }
}

@MainActor private final class OnMain {
    let trace: Trace
    let gate: Gate

    init(_ trace: Trace, _ gate: Gate) {
        self.trace = trace
        self.gate = gate
    }

    isolated deinit {
        MainActor.assumeIsolated { trace.note("deinit on main") }
        gate.open()
    }
}

@globalActor private actor Own: GlobalActor {
    static let shared = Own()
}

@Own private var ownValue = 0

@Own private func addOwn() -> Int {
    ownValue += 1
    return ownValue
}

/// Actors: contended, entered again, nested, with executors of their own.
func observeActors(_ observations: Observations) {
    let counter = Counter()
    HarnessThread.pool {
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<64 {
                group.addTask(priority: [.high, .medium, .low, .background][index % 4]) {
                    for _ in 0..<50 { _ = await counter.add() }
                }
            }
        }
    }
    observations.same("a contended actor counts", HarnessThread.pool { await counter.current })

    let reentrant = Trace()
    let actor = Reentrant(reentrant)
    Pool.inOrder {
        async let first: Void = actor.enter("a")
        async let second: Void = actor.enter("b")
        async let third: Void = actor.short("c")
        _ = await (first, second, third)
    }
    observations.same("an actor entered again", reentrant.text)

    let other = Reentrant(reentrant)
    observations.same("actors that call each other", HarnessThread.pool { await actor.callBack(other, depth: 200) })

    let queued = Trace()
    Pool.inOrder {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let value = await counter.add()
                    queued.note("\(number):\(value - 3200)")
                }
            }
        }
    }
    observations.same("order in an actor", queued.text)

    let withMain = WithMain()
    let sum = HarnessThread.pool {
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { await withMain.add() } }
            return await group.reduce(0, +)
        }
    }
    observations.same("an actor with the executor of another", sum)

    let onOwn = OnOwn()
    let places = HarnessThread.pool(priority: .high) {
        var places: Set<String> = []
        for _ in 0..<50 { places.insert(await onOwn.place()) }
        return places.sorted().joined(separator: " ")
    }
    observations.same("where an actor with an executor runs", places)
    observations.same("jobs of its executor", onOwn.executor.jobs.withLock { "\($0.count) of \(Set($0).sorted())" })

    let owns = HarnessThread.pool {
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { await addOwn() } }
            return await group.reduce(0, +)
        }
    }
    observations.same("a global actor", owns)

    let ends = Trace()
    let ended = Gate()
    HarnessThread.pool {
        ends.note(await Isolated(ends, ended, counter).work())
        _ = await OnMain(ends, ended)
    }
    ended.pass()
    ended.pass()
    observations.same("isolated deinits", ends.counts)

    let isMain = MainQueue.key
    DispatchQueue.main.setSpecific(key: isMain, value: true)
    let hops = HarnessThread.pool { () -> String in
        let there = await MainActor.run { DispatchQueue.getSpecific(key: isMain) == true }
        let back = DispatchQueue.getSpecific(key: isMain) == true
        let within = await Task { @MainActor in
            await Task.yield()
            return DispatchQueue.getSpecific(key: isMain) == true
        }.value
        let slept = await Task { @MainActor in
            try? await Task.sleep(for: .milliseconds(1))
            return DispatchQueue.getSpecific(key: isMain) == true
        }.value
        return "\(there) \(back) \(within) \(slept)"
    }
    observations.same("on the main queue: main actor, back, yielded, slept", hops)
}
