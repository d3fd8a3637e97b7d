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

    /// An actor whose code a task runs without leaving its thread.
    private actor Visited {
        func visit(_ look: @Sendable () -> Void) { look() }
    }

    /// What one task saw of its own thread's frames, before, in and after visits to two actors.
    private struct Visit {
        var frames: LoopFrames
        var threads: Set<ThreadIdentifier>
        var contents: [LoopFrames.Content?]
    }

    private func visit(_ first: Visited, _ second: Visited) -> Task<Visit, any Error> {
        let note = LoopFramesNote()
        let holder = Holder(note: note)
        let beat: @Sendable () -> Void = { holder.beat() }
        let seen = Mutex<(threads: Set<ThreadIdentifier>, contents: [LoopFrames.Content?])>(([], []))
        return Task.detached {
            beat()
            let noted = withUnsafeBytes(of: beat) { LoopFrames(links: note.links(), beat: $0.load(as: UInt64.self)) }
            let frames = try #require(noted)
            let look: @Sendable () -> Void = {
                seen.withLock { seen in
                    seen.threads.insert(OwnThread.currentIdentifier)
                    seen.contents.append(frames.content())
                }
            }
            look()
            await first.visit(look)
            await second.visit(look)
            look()
            return seen.withLock { Visit(frames: frames, threads: $0.threads, contents: $0.contents) }
        }
    }

    @Test("a task that goes from actor to actor is one job of Swift's pool, and another task is another job")
    func actors() async throws {
        var compared = 0
        var different = 0
        var round = 0
        // Which thread runs a task is not ours to say, nor whether it stays there.
        while compared < 100, round < 1_000 {
            round += 1
            // Several at once, as in a flood: one after the other they might have the same place in memory. Each with
            // actors of its own: at an actor that another task holds it would wait, and come back as another job,
            // perhaps even on the same thread.
            let tasks = (0..<8).map { _ in visit(Visited(), Visited()) }
            var latest: [ThreadIdentifier: Visit] = [:]
            for task in tasks {
                let visit = try await task.value
                guard visit.threads.count == 1, let thread = visit.threads.first else { continue }
                try #require(visit.contents.count == 4)
                #expect(visit.contents[0] != nil)
                for content in visit.contents { #expect(content == visit.contents[0]) }
                if let before = latest[thread], before.frames == visit.frames {
                    compared += 1
                    if before.contents[0]?.words != visit.contents[0]?.words { different += 1 }
                }
                latest[thread] = visit
            }
        }
        #expect(compared >= 100)
        #expect(different * 10 >= compared * 9, "\(different) of \(compared)")
    }

    @Test("too few frames tell nothing")
    func tooFew() {
        #expect(LoopFrames(links: [], beat: 0) == nil)
        #expect(LoopFramesNote().links().isEmpty)
    }
}
