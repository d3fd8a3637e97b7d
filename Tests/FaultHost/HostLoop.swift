// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import Synchronization

/// A loop that waits in poll(2), as servers' loops do, and counts its own blocks: the truth that the watch is held against.
final class HostLoop: Sendable {
    private struct Storage {
        var work: [@Sendable () -> Void] = []
        /// When the oldest work that waits was handed over, in nanoseconds.
        var posted: Int64 = 0
    }

    /// What was counted of the loop itself.
    struct Count {
        /// Stretches that are blocks by any measure.
        var sure = 0
        /// Stretches so near the threshold that the watch may take them for blocks or not.
        var unsure = 0
    }

    let name: String
    private let thresholdNanoseconds: Int64
    /// A pipe that wakes the loop: its end for reading, and that for writing.
    private let wake: (read: CInt, write: CInt)
    private let storage = Mutex(Storage())
    private let count = Mutex(Count())
    private let isBusy = Atomic(false)

    /// Tries at a system call of the host's own, which may be made to fail as those of Loopwatch are.
    private static let triesMost = 3

    /// By how much a stretch has to be longer than the threshold to be a block by any measure: the watch may know its
    /// beginning or its end by so much less exactly, in nanoseconds.
    private static let toleranceNanoseconds: Int64 = 3_000_000

    init(_ name: String, thresholdNanoseconds: Int64) {
        self.name = name
        self.thresholdNanoseconds = thresholdNanoseconds
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { fatalError("pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        wake = (ends[0], ends[1])
        startThread { self.run() }
    }

    /// What was counted so far.
    var made: Count { count.withLock { $0 } }

    /// The loop as it is watched.
    var target: WatchTarget { .loop(name) { self.execute($0) } }

    /// Hands work over.
    func execute(_ work: @escaping @Sendable () -> Void) {
        storage.withLock { storage in
            if storage.work.isEmpty { storage.posted = Told.nanoseconds }
            storage.work.append(work)
        }
        // A call that was made to fail is tried again: without its byte the loop would sleep on, and its work with it. Where
        // the pipe is full, the loop will wake up all the same.
        var byte: UInt8 = 0
        for _ in 0..<Self.triesMost where write(wake.write, &byte, 1) == 1 { return }
    }

    /// Blocks the loop, unless it is blocked already; returns whether it will be.
    func block(_ way: BlockingWay, seconds: Double) -> Bool {
        guard !isBusy.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        execute {
            way.hold(seconds: seconds)
            self.isBusy.store(false, ordering: .releasing)
        }
        return true
    }

    /// Whether a block that was asked for has not ended.
    var isBlocked: Bool { isBusy.load(ordering: .acquiring) }

    private func run() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while true {
            var entry = pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, -1)
            let began = Told.nanoseconds
            _ = read(wake.read, &bytes, bytes.count)
            let (work, posted) = storage.withLock { storage in
                defer { storage.work = [] }
                return (storage.work, storage.posted)
            }
            for item in work { item() }
            let ended = Told.nanoseconds
            let isSure = ended - began >= thresholdNanoseconds + Self.toleranceNanoseconds
            // Work that waited for a processor is a block to whoever handed it over.
            let isUnsure = !work.isEmpty && ended - min(posted, began) >= thresholdNanoseconds - 1_000_000
            guard isSure || isUnsure else { continue }
            count.withLock { count in
                if isSure { count.sure += 1 } else { count.unsure += 1 }
            }
        }
    }
}

/// How a job holds the thread that runs it.
enum BlockingWay {
    case sleeping
    case computing

    /// Holds the calling thread.
    @inline(never)
    func hold(seconds: Double) {
        switch self {
        case .sleeping: waitForBackend(seconds)
        case .computing: crunchNumbers(seconds)
        }
    }

    @inline(never)
    private func waitForBackend(_ seconds: Double) {
        let end = Told.nanoseconds + Int64(seconds * 1e9)
        while true {
            let left = end - Told.nanoseconds
            guard left > 0 else { return }
            usleep(UInt32(clamping: left / 1_000 + 1))
        }
    }

    @inline(never)
    private func crunchNumbers(_ seconds: Double) {
        let end = Told.nanoseconds + Int64(seconds * 1e9)
        var sum: UInt64 = 0
        while Told.nanoseconds < end {
            for number in 0..<200 as Range<UInt64> { sum = sum &* 31 &+ number }
        }
        if sum == 1 { Told.line("PROBLEM the numbers do not add up") }
    }
}

/// Starts a thread that nobody waits for; a host without one can do nothing.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
        &thread,
        nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        Unmanaged.passRetained(Box(body)).toOpaque()
    )
    guard code == 0 else { fatalError("pthread_create: \(code)") }
    pthread_detach(thread)
}
