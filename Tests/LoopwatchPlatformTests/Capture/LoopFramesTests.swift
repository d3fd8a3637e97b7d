// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Synchronization
import Testing

/// Telling many short jobs from one long one by the frames of the loop that runs them.
@Suite("Loop frames")
struct LoopFramesTests {
    /// How far a job has come, and when it may go on.
    private final class Gate: Sendable {
        let arrived = Atomic<Int>(0)
        let allowed = Atomic<Int>(0)

        /// Says that a job runs, and waits until it may end.
        func pass() {
            let number = arrived.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
            while allowed.load(ordering: .acquiring) < number {}
        }

        /// Lets the job with a number end.
        func open(_ number: Int) { allowed.store(number, ordering: .releasing) }
    }

    /// A running loop and the frames that a beat has noted in it.
    private func noted(on loop: HandMadeLoop) throws -> LoopFrames? {
        let note = LoopFramesNote()
        let signal = Holder(note: note)
        let beat: @Sendable () -> Void = { signal.beat() }
        loop.enqueue([HandMadeLoop.Job(run: beat)])
        try eventually("the beat runs") { signal.isDone.load(ordering: .acquiring) }
        return withUnsafeBytes(of: beat) { LoopFrames(links: note.links(), beat: $0.load(as: UInt64.self)) }
    }

    /// What a beat writes to.
    private final class Holder: Sendable {
        let note: LoopFramesNote
        let isDone = Atomic<Bool>(false)

        init(note: LoopFramesNote) { self.note = note }

        /// The beat.
        func beat() {
            note.take()
            isDone.store(true, ordering: .releasing)
        }
    }

    @Test("from one short job to the next the frames change, and within a long one they do not")
    func jobs() throws {
        let loop = HandMadeLoop()
        let thread = try TestThread { signals in
            signals.begin()
            loop.run()
        }
        defer {
            loop.isStopping.store(true, ordering: .releasing)
            thread.stop()
        }
        let frames = try #require(try noted(on: loop))
        let gate = Gate()
        let jobs = [HandMadeLoop.Job](repeating: HandMadeLoop.Job { gate.pass() }, count: 20)
        loop.enqueue(jobs)
        var contents: [LoopFrames.Content] = []
        for number in 1...jobs.count {
            try eventually("job \(number) runs") { gate.arrived.load(ordering: .acquiring) == number }
            let content = try #require(frames.content())
            // One long job: whenever one looks, the same.
            for _ in 0..<50 { #expect(frames.content() == content) }
            contents.append(content)
            gate.open(number)
        }
        #expect(Set(contents.map(\.depth)).count == 1)
        for (before, after) in zip(contents, contents.dropFirst()) { #expect(before.words != after.words) }
    }

    @Test("too few frames tell nothing")
    func tooFew() {
        #expect(LoopFrames(links: [], beat: 0) == nil)
        #expect(LoopFramesNote().links().isEmpty)
    }
}
