// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The only code of Loopwatch that runs on a watched loop: two loads and four stores, no allocation, no lock, no system
/// call (the clock is read through the vDSO, the thread's number is remembered).
///
/// At most one beat is out, so the watched loop and the watchdog take turns: the watchdog writes before it posts, the loop
/// after that, and the count, stored last with release and loaded with acquire, hands over.
final class BeatCell: Sendable {
    private let postedCount = Atomic<UInt64>(0)
    private let ranCount = Atomic<UInt64>(0)
    private let postedNanoseconds = Atomic<Int64>(0)
    private let ranNanoseconds = Atomic<Int64>(0)
    private let thread = Atomic<Int32>(0)
    private let wantsFrames = Atomic<Bool>(true)
    private let frames = LoopFramesNote()

    /// What the watched loop answered.
    struct Answer {
        /// When the beat was posted.
        var posted: MonotonicInstant
        /// When it ran.
        var ran: MonotonicInstant
        /// On which thread.
        var thread: ThreadIdentifier
    }

    /// A closure that runs the beat; made here so that all of the beat's code lies together.
    func beat() -> @Sendable () -> Void {
        { self.run() }
    }

    /// Notes that a beat is posted now; called by the watchdog, before it posts.
    func willPost(at instant: MonotonicInstant) {
        postedNanoseconds.store(instant.nanoseconds, ordering: .relaxed)
        postedCount.wrappingAdd(1, ordering: .releasing)
    }

    /// The beat: runs on the watched loop.
    private func run() {
        if wantsFrames.load(ordering: .relaxed) { frames.take() }
        ranNanoseconds.store(Clock.now().nanoseconds, ordering: .relaxed)
        thread.store(OwnThread.currentIdentifier, ordering: .relaxed)
        ranCount.store(postedCount.load(ordering: .acquiring), ordering: .releasing)
    }

    /// The loop's frames as the beat that was answered saw them, once; `nil` if they are not to be had.
    ///
    /// Called by the watchdog, while no beat is out.
    ///
    /// - Parameter beat: the closure that was posted.
    func takeFrames(of beat: @escaping @Sendable () -> Void) -> LoopFrames? {
        guard wantsFrames.exchange(false, ordering: .relaxed) else { return nil }
        return withUnsafeBytes(of: beat) { bytes in
            // A closure is a code pointer and a context.
            LoopFrames(links: frames.links(), beat: bytes.load(as: UInt64.self))
        }
    }

    /// Has the next beat note the frames again, for another thread's stack.
    ///
    /// Called while no beat is out.
    func forgetFrames() { wantsFrames.store(true, ordering: .relaxed) }

    /// Number of the beat that is out; `nil` if none is.
    ///
    /// As long as it is the same, the thread that is to run the beat has not ended what it was at. Safe from any thread.
    var numberOut: UInt64? {
        let posted = postedCount.load(ordering: .acquiring)
        return ranCount.load(ordering: .acquiring) == posted ? nil : posted
    }

    /// The answer to the beat that is out; `nil` while there is none.
    ///
    /// Called by the watchdog.
    func answer() -> Answer? {
        guard ranCount.load(ordering: .acquiring) == postedCount.load(ordering: .relaxed) else { return nil }
        return Answer(
            posted: MonotonicInstant(nanoseconds: postedNanoseconds.load(ordering: .relaxed)),
            ran: MonotonicInstant(nanoseconds: ranNanoseconds.load(ordering: .relaxed)),
            thread: thread.load(ordering: .relaxed)
        )
    }
}
