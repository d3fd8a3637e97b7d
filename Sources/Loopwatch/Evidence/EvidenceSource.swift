// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Looks at a target without touching it, by the best evidence that its kind has.
struct EvidenceSource: Sendable {
    private enum Kind: Sendable {
        case thread
        case dispatchQueue(address: UInt)
        case pool
        case beats
    }

    /// What one look told.
    struct Look {
        /// What it told of the target.
        var observation: Observation
        /// The thread that was the target has ended.
        var isGone = false
    }

    private let kind: Kind
    private var lastDepth: Int?
    private var throttledNanoseconds: Int64?
    private var thread = ThreadEvidence()
    private var pool = PoolEvidence()
    private var queue = DispatchQueueEvidence()
    private var pace = ProcessPace()

    init(_ evidence: WatchTarget.Evidence) {
        switch evidence {
        case .thread:
            kind = .thread
        case .pool:
            kind = .pool
        case .dispatchQueue(let queue):
            // The wrapper lives as long as the target, which holds it through its submit closure.
            let wrapper = Unmanaged.passUnretained(queue).toOpaque()
            kind = DispatchQueueLayout.address(ofWrapper: wrapper).map { .dispatchQueue(address: $0) } ?? .beats
        }
    }

    /// Looks at the target.
    ///
    /// - Parameters:
    ///   - context: what the looks of this pass share.
    ///   - isBeatOut: whether a beat is out.
    ///   - wantsBlockStart: whether to find out since when the thread sleeps, which costs 0.1 ms.
    ///   - depth: items that wait for the target, where it tells.
    mutating func look(
        _ context: inout LookContext,
        isBeatOut: Bool,
        wantsBlockStart: Bool,
        depth: Int?
    ) -> Look {
        var look: Look
        switch kind {
        case .pool:
            look = Look(
                observation: pool.look(&context, isBeatOut: isBeatOut, wantsBlockStart: wantsBlockStart)
            )
        case .thread:
            look = thread.look(&context, isBeatOut: isBeatOut, wantsBlockStart: wantsBlockStart)
        case .dispatchQueue(let address):
            if let layout = context.dispatchLayout {
                look = queue.look(address, layout, &context, isBeatOut: isBeatOut, wantsBlockStart: wantsBlockStart)
            } else {
                look = Look(observation: Observation(instant: context.now, progress: .unknown))
            }
        case .beats:
            look = Look(observation: Observation(instant: context.now, progress: .unknown))
        }
        if look.observation.progress == .unknown, look.observation.thread == nil {
            look.observation.isProcessQuiet = pace.isQuiet(&context)
        }
        if isBeatOut, look.observation.progress != .free, let (now, baseline) = context.throttledNanoseconds() {
            look.observation.throttledNanoseconds = max(0, now - (throttledNanoseconds ?? baseline))
            throttledNanoseconds = now
        } else {
            throttledNanoseconds = nil
        }
        if let depth {
            look.observation.depth = depth
            // A queue that got shorter has given out work: some job ended.
            if let lastDepth, depth < lastDepth, look.observation.progress == .unknown {
                look.observation.progress = .advanced
            }
            lastDepth = depth
        }
        return look
    }

    /// Whether the target waits as it did at the last look, by the cheapest proof there is.
    ///
    /// - Parameter isResting: whether it is known that no thread of the process has run since then.
    func isStillFree(isResting: Bool = false) -> Bool {
        switch kind {
        case .thread: thread.isStillParked(isResting: isResting)
        case .dispatchQueue: isResting && queue.wasIdle
        case .pool, .beats: false
        }
    }

    /// Threads that may serve the target, where it is a pool.
    var poolThreads: [ThreadIdentifier] {
        if case .pool = kind { pool.threadIdentifiers } else { [] }
    }

    /// What the thread that serves the target did since the last look; `nil` where that is not known.
    mutating func usage(_ context: inout LookContext) -> ThreadUsage? {
        switch kind {
        case .thread: thread.usage(at: context.now)
        case .dispatchQueue: queue.usage(at: context.now)
        case .pool, .beats: nil
        }
    }

    /// A beat is about to be posted.
    mutating func beatWillBePosted(at instant: MonotonicInstant) {
        thread.beatWillBePosted(at: instant)
        queue.beatWillBePosted(at: instant)
        pool.beatWillBePosted()
    }

    /// The beat was answered.
    mutating func beatAnswered(_ answer: BeatCell.Answer, cell: BeatCell, beat: @escaping @Sendable () -> Void) {
        switch kind {
        case .thread: thread.beatAnswered(answer, cell: cell, beat: beat)
        case .pool: pool.beatAnswered(answer, cell: cell, beat: beat)
        case .dispatchQueue: queue.beatAnswered(answer)
        case .beats: break
        }
    }
}
