// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Synchronization
import Testing

/// A loop made by hand, of functions that are not inlined, which runs what it is given from a list.
private final class HandMadeLoop: Sendable {
    /// What the loop does next.
    let queue = Mutex<[@Sendable () -> Void]>([])
    /// Whether it is to end.
    let isStopping = Atomic<Bool>(false)

    /// Runs jobs until told to stop.
    @inline(never)
    func run() {
        var count: UInt64 = 0
        while !isStopping.load(ordering: .acquiring) { tick(&count) }
        HandMadeLoop.keep(count)
    }

    /// Runs the jobs that are there.
    @inline(never)
    private func tick(_ count: inout UInt64) {
        let jobs = queue.withLock { queue in
            defer { queue = [] }
            return queue
        }
        for job in jobs {
            count += 1
            perform(job, number: count)
        }
        HandMadeLoop.keep(count)
    }

    /// Runs one job, with its number in the frame.
    @inline(never)
    private func perform(_ job: () -> Void, number: UInt64) {
        var mark = number
        withUnsafeMutablePointer(to: &mark) { pointer in
            pointer.pointee = number
            job()
            pointer.pointee += 1
        }
        HandMadeLoop.keep(mark)
    }

    /// Has the compiler hold a value.
    @inline(never)
    private static func keep(_ value: UInt64) {
        if value == .max { print("never") }
    }
}

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
        loop.queue.withLock { $0.append(beat) }
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
        let jobs = [@Sendable () -> Void](repeating: { gate.pass() }, count: 20)
        loop.queue.withLock { $0 = jobs }
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
