// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import Synchronization

/// What the threads of a metered pool note, each in a slot that it has for as long as one work item runs.
///
/// Whoever has a slot is the only one that writes to it, so beside taking the slot no instruction has to lock the bus; others
/// read. What was counted in a slot stays there for the next.
struct MeterSlots: ~Copyable, @unchecked Sendable {
    // @unchecked: the memory holds atomics alone.
    /// A word of a slot.
    enum Word: Int {
        /// 1 while a thread has it.
        case isTaken
        /// The thread.
        case thread
        /// When the item began, in nanoseconds; 0 if none runs. Written last, and cleared first.
        case start
        case enqueued, task, kind
        /// Items that began, the times at which they were handed over and what they waited, all summed up.
        case started, startedEnqueuedSum, wait
        /// Items that ended, and what they ran.
        case ended, run
        /// When the latest began.
        case lastStart
    }

    /// Words of a slot: a multiple of what processors fetch at once.
    private static let wordsOfSlot = 64
    private static let waitBuckets = 16
    private static let runBuckets = 40

    /// How many there are: a power of two.
    let count: Int
    private let words: UnsafeMutablePointer<Atomic<Int64>>

    /// Makes slots for at least this many threads.
    init(atLeast threads: Int) {
        var count = 16
        while count < min(max(1, threads), Limits.meterSlots) { count *= 2 }
        self.count = count
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count * Self.wordsOfSlot * 8, alignment: 128)
        words = memory.bindMemory(to: Atomic<Int64>.self, capacity: count * Self.wordsOfSlot)
        for index in 0..<count * Self.wordsOfSlot { (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        for index in 0..<count * Self.wordsOfSlot { (words + index).deinitialize(count: 1) }
        UnsafeMutableRawPointer(words).deallocate()
    }

    // MARK: By the thread that runs an item

    /// Takes a slot for the calling thread; `nil` where all are taken.
    func take(for thread: ThreadIdentifier) -> Int? {
        // Threads begin at different slots, and mostly find their own free.
        let first = Int(truncatingIfNeeded: thread)
        for step in 0..<count {
            let slot = (first &+ step) & (count - 1)
            if load(slot, .isTaken) == 0,
                at(slot, Word.isTaken.rawValue).pointee.compareExchange(
                    expected: 0,
                    desired: 1,
                    successOrdering: .acquiring,
                    failureOrdering: .relaxed
                ).exchanged
            {
                return slot
            }
        }
        return nil
    }

    /// Gives a slot back.
    func giveBack(_ slot: Int) { store(slot, .isTaken, 0, .releasing) }

    /// Adds in a slot that the caller has.
    func add(_ slot: Int, _ word: Word, _ value: Int64) { store(slot, word, load(slot, word) &+ value) }

    /// Counts a wait in the buckets, but for the lowest: those are nearly all, and are what is left.
    func noteWait(_ slot: Int, nanoseconds: Int64) { note(slot, Self.waitBuckets, nanoseconds) }

    /// Counts a run likewise.
    func noteRun(_ slot: Int, nanoseconds: Int64) { note(slot, Self.runBuckets, nanoseconds) }

    private func note(_ slot: Int, _ buckets: Int, _ nanoseconds: Int64) {
        let edges = HistogramEdges.lag.nanoseconds
        guard nanoseconds > edges[0] else { return }
        let bucket = edges.firstIndex { nanoseconds <= $0 } ?? edges.count
        let word = at(slot, buckets + bucket)
        word.pointee.store(word.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    // MARK: By anyone

    /// Reads a word.
    func load(_ slot: Int, _ word: Word) -> Int64 { at(slot, word.rawValue).pointee.load(ordering: .relaxed) }

    /// Reads a word, and after it what was written before it.
    func loadAcquiring(_ slot: Int, _ word: Word) -> Int64 {
        at(slot, word.rawValue).pointee.load(ordering: .acquiring)
    }

    /// Writes a word.
    func store(_ slot: Int, _ word: Word, _ value: Int64) {
        at(slot, word.rawValue).pointee.store(value, ordering: .relaxed)
    }

    /// Writes a word after all else.
    func store(_ slot: Int, _ word: Word, _ value: Int64, _: ReleasingOrdering) {
        at(slot, word.rawValue).pointee.store(value, ordering: .releasing)
    }

    /// The only ordering with which a word is stored last.
    enum ReleasingOrdering { case releasing }

    /// Sums a word up over all slots.
    func sum(_ word: Word) -> Int64 { (0..<count).reduce(0) { $0 &+ load($1, word) } }

    /// Waits that were counted in the buckets; the lowest has none.
    func waits() -> [UInt64] { buckets(Self.waitBuckets) }

    /// Runs likewise.
    func runs() -> [UInt64] { buckets(Self.runBuckets) }

    private func buckets(_ first: Int) -> [UInt64] {
        (0...HistogramEdges.lag.nanoseconds.count).map { bucket in
            (0..<count).reduce(0) { $0 &+ UInt64(bitPattern: at($1, first + bucket).pointee.load(ordering: .relaxed)) }
        }
    }

    private func at(_ slot: Int, _ word: Int) -> UnsafeMutablePointer<Atomic<Int64>> {
        words + (slot * Self.wordsOfSlot + word)
    }
}
