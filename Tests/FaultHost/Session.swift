// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Loopwatch
internal import Synchronization

/// Does what the commands on standard input say, one after the other; each ends with the line `DONE`.
///
///     blocks SECONDS RATE       blocks of 1.5 to 3 thresholds, on one loop after the other, and now and then in the pool
///     block LOOP SECONDS [cpu]  one block, which is not waited for
///     await                     waits until no block that was asked for goes on
///     made                      tells the blocks that were made so far: `MADE NAME SURE UNSURE`
///     churn SECONDS RATE        creates and ends threads
///     fork COUNT                forks children
///     remove LOOP               removes the loop from the watch; `add LOOP` adds it again
///     handle                    installs a handler of the host's own for SIGPROF; `signals` tells how often it ran
///     stop                      stops the watch
///     exit SECONDS              ends the process after so long, whatever goes on
final class Session {
    private let watch: Loopwatch
    private let loops: [HostLoop]
    private var registrations: [TargetRegistration]
    private let pool: MeteredQueue
    private let thresholdSeconds: Double
    private let poolBlocks = Atomic(0)
    private var random: UInt64 = 1

    /// Each block of so many is made in the pool.
    private static let poolShare = 20
    /// Each block of so many computes: more would leave no processor for anything else.
    private static let computingShare = 67

    init(_ watch: Loopwatch, loops count: Int, thresholdNanoseconds: Int64) {
        self.watch = watch
        thresholdSeconds = Double(thresholdNanoseconds) / 1e9
        loops = (0..<count).map { HostLoop("loop-\($0)", thresholdNanoseconds: thresholdNanoseconds) }
        registrations = loops.map { watch.add($0.target) }
        for registration in registrations {
            if let problem = registration.problem { Told.line("PROBLEM \(problem)") }
        }
        let queue = DispatchQueue(label: "workers", attributes: .concurrent)
        pool = watch.meteredQueue("workers", queue, size: 8)
    }

    func perform(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        let numbers = words.dropFirst().compactMap { Double($0) }
        switch (words.first ?? "", numbers.count) {
        case ("blocks", 2): blocks(seconds: numbers[0], rate: numbers[1])
        case ("block", 2):
            let isTaken = loops[Int(numbers[0])].block(
                words.last == "cpu" ? .computing : .sleeping,
                seconds: numbers[1]
            )
            if !isTaken { Told.line("PROBLEM the loop is blocked already") }
        case ("await", 0): awaitBlocks()
        case ("made", 0): tellBlocks()
        case ("churn", 2): Told.line("CHURNED \(Faults.churn(seconds: numbers[0], rate: Int(numbers[1])))")
        case ("fork", 1): Told.line("FORKED \(Faults.fork(Int(numbers[0])))")
        case ("remove", 1): registrations[Int(numbers[0])].remove()
        case ("add", 1):
            registrations[Int(numbers[0])] = watch.add(loops[Int(numbers[0])].target)
            if let problem = registrations[Int(numbers[0])].problem { Told.line("PROBLEM \(problem)") }
        case ("handle", 0): Faults.handleProfilingSignal()
        case ("signals", 0): Told.line("SIGNALS \(Faults.signalsHandled)")
        case ("stop", 0): watch.stop()
        case ("exit", 1):
            let pause = numbers[0]
            startThread {
                usleep(UInt32(pause * 1e6))
                exit(0)
            }
        default: Told.line("PROBLEM unknown: \(line)")
        }
        Told.line("DONE")
    }

    private func blocks(seconds: Double, rate: Double) {
        let began = Told.nanoseconds
        let end = began + Int64(seconds * 1e9)
        var number = 0
        while Told.nanoseconds < end {
            let due = began + Int64(Double(number) / rate * 1e9)
            let left = due - Told.nanoseconds
            if left > 0 { usleep(UInt32(clamping: left / 1_000 + 1)) }
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let length = thresholdSeconds * (1.5 + Double(random >> 40) / Double(1 << 24) * 1.5)
            if number % Self.poolShare == Self.poolShare - 1 {
                blockPool(seconds: length)
            } else {
                // One that is blocked already is passed over, so that each block has an end of its own.
                let way = number % Self.computingShare == 0 ? BlockingWay.computing : .sleeping
                _ = loops[number % loops.count].block(way, seconds: length)
            }
            number += 1
        }
        awaitBlocks()
    }

    private func blockPool(seconds: Double) {
        pool.async { [self] in
            BlockingWay.sleeping.hold(seconds: seconds)
            poolBlocks.add(1, ordering: .relaxed)
        }
    }

    private func awaitBlocks() {
        while loops.contains(where: \.isBlocked) { usleep(5_000) }
        pool.queue.sync(flags: .barrier) {}
    }

    private func tellBlocks() {
        for loop in loops { Told.line("MADE \(loop.name) \(loop.made.sure) \(loop.made.unsure)") }
        Told.line("MADE workers \(poolBlocks.load(ordering: .relaxed)) 0")
    }
}

// Commands come from one thread, the main one; what its closures use is atomic.
extension Session: @unchecked Sendable {}
