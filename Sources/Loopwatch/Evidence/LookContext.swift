// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What all looks of one pass of the watchdog share.
struct LookContext {
    /// When the pass began.
    let now: MonotonicInstant
    /// The layout of Dispatch queues, once it is known.
    var dispatchLayout: DispatchQueueLayout?
    /// The threads that serve queues.
    let workers: DispatchWorkers
    private let ownThreads: @Sendable () -> [ThreadIdentifier]
    private let throttling: ThrottlingClock?
    private var throttled: Int64??
    private var hostCPU: Int64??

    /// Readings of the process's CPU time that take longer are not repeated, in nanoseconds.
    private static let readingNanosecondsMost: Int64 = 50_000

    /// Creates the context of a pass.
    ///
    /// - Parameters:
    ///   - now: when the pass began.
    ///   - workers: the threads that serve queues.
    ///   - throttling: tells for how long the CPU quota was used up, where there may be one.
    ///   - ownThreads: Loopwatch's other threads, whose CPU time is not the host's.
    init(
        now: MonotonicInstant,
        workers: DispatchWorkers,
        throttling: ThrottlingClock?,
        ownThreads: @escaping @Sendable () -> [ThreadIdentifier]
    ) {
        self.now = now
        self.workers = workers
        self.throttling = throttling
        self.ownThreads = ownThreads
    }

    /// For how long the CPU quota has been used up since the watch began, and until about a second ago, in nanoseconds;
    /// read at its first use in a pass.
    mutating func throttledNanoseconds() -> (now: Int64, before: Int64)? {
        guard let throttling else { return nil }
        if throttled == nil { throttled = .some(throttling.nanoseconds()) }
        return throttled?.map { ($0, throttling.baselineNanoseconds) }
    }

    /// CPU time of the process without Loopwatch's own threads, in nanoseconds; read at its first use in a pass, because
    /// the kernel adds it up over all threads.
    mutating func hostCPUNanoseconds() -> Int64? {
        if let hostCPU { return hostCPU }
        let others = ownThreads().reduce(0) { $0 + (Clock.threadCPUNanoseconds(of: $1) ?? 0) }
        var total: Int64?
        var least = Int64.max
        for _ in 0..<2 {
            guard let first = Clock.ownCPUNanoseconds(), let all = Clock.processCPUNanoseconds(),
                let second = Clock.ownCPUNanoseconds()
            else { break }
            let taken = second - first
            if taken < least { (least, total) = (taken, all - second - others) }
            // The first reading after a sleep takes several times as long as the next, which would look like work of the host.
            // Where it takes long anyway, because there are very many threads, a second one would cost more than it tells.
            guard (ProcessRest.clockNanosecondsMost...Self.readingNanosecondsMost).contains(taken) else { break }
        }
        hostCPU = .some(total)
        return total
    }
}
