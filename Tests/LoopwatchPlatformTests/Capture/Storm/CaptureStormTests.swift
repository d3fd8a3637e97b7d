// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Captures {
    /// Threads that do everything at once, captured and unwound all the time.
    @Suite("Capture storm")
    struct Storm {
        /// How many captures; `LOOPWATCH_STORM_CAPTURES` sets another number.
        static let captures: Int =
            getenv("LOOPWATCH_STORM_CAPTURES").flatMap { Int(String(cString: $0)) } ?? 2_000

        @Test(
            """
            threads that allocate, throw, recurse, sleep, compute, fork, begin and end are captured: nothing happens to \
            them, no frame is garbage, nothing is left behind
            """
        )
        func storm() async {
            // In a process of its own, whose memory and descriptors are nobody else's.
            let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                recordingErrors {
                    let names = StormFrames.Names()
                    // What is made once is there afterwards.
                    _ = try Storm.run(max(200, Storm.captures / 10), deepest: 0, names)
                    let before = ProcessUse()
                    // In a debug build each takes seconds, and with a sanitizer ten.
                    let deepest = isThreadSanitized || isAddressSanitized ? 1 : 4 + Storm.captures / 1_000
                    let outcome = try Storm.run(Storm.captures, deepest: deepest, names)
                    let after = ProcessUse()
                    print("storm: \(outcome.text); before: \(before); after: \(after)")
                    #expect(outcome.faults.isEmpty)
                    #expect(outcome.disturbances.isEmpty)
                    #expect(outcome.captures == Storm.captures)
                    #expect(outcome.passive > Storm.captures / 10)
                    if !isThreadSanitized { #expect(outcome.signalled > 0) }
                    if !isThreadSanitized, !isAddressSanitized { #expect(outcome.counts.asynchronous > 0) }
                    #expect(outcome.counts.recursionsMost == StormAct.depthMost + 1)
                    #expect(outcome.counts.short * 100 <= outcome.passive)
                    #expect(after.descriptors == before.descriptors && after.threads <= before.threads)
                    // Sanitizers keep what was freed, to see whether someone uses it.
                    if !isThreadSanitized, !isAddressSanitized {
                        #expect(after.residentKibibytes < before.residentKibibytes + 16 * 1_024)
                    }
                    var status: CInt = 0
                    let child = waitpid(-1, &status, WNOHANG)
                    let code = errno
                    print("storm: waiting for any child: \(child), errno \(code)")
                    // ThreadSanitizer starts a child of its own that finds the names of what it then passes over.
                    #expect(child == -1 && code == ECHILD || isThreadSanitized && child == 0)
                    typealias Check = @convention(c) () -> CInt
                    if let check = dlsym(nil, "__lsan_do_recoverable_leak_check") {
                        let leaks = unsafeBitCast(check, to: Check.self)()
                        print("storm: leak check returned \(leaks)")
                        #expect(leaks == 0)
                    }
                }
            }
            print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
        }

        /// What came of a storm.
        struct Outcome {
            var captures = 0
            var passive = 0
            var signalled = 0
            var discarded = 0
            var omitted = 0
            var pauseNanosecondsMaximum: UInt64 = 0
            var counts = StormFrames.Counts()
            var faults: [String] = []
            var disturbances: [String] = []
            var births = 0
            var acts = ""
            var seconds = 0.0

            /// A line.
            var text: String {
                """
                \(captures) captures in \(seconds) s: \(passive) passive, \(signalled) signalled, \(discarded) discarded, \
                \(omitted) omitted; longest pause \(pauseNanosecondsMaximum / 1_000) us; \(counts.stacks) stacks of \
                \(counts.frames) frames, at most \(counts.framesMost) \
                (\(counts.recursionsMost) recursions), \(counts.truncated - counts.short) cut by a limit or the copy's end, \
                \(counts.short) short, \
                \(counts.asynchronous) with asynchronous callers, \(counts.uncertain) with uncertain ones; \
                \(births) threads begun and ended; done: \(acts); faults: \(faults); disturbances: \(disturbances)
                """
            }
        }

        /// Threads that capture.
        private static let capturers = 4

        /// Runs one.
        ///
        /// - Parameters:
        ///   - captures: how many captures.
        ///   - deepest: how many of them of the whole of the deepest stack.
        ///   - names: names of functions.
        private static func run(_ captures: Int, deepest: Int, _ names: StormFrames.Names) throws -> Outcome {
            let began = Clock.now()
            let crowd = try StormCrowd()
            let results = Results()
            let threads = try (0..<capturers).map { number in
                try OwnThread(name: "capturer") {
                    let share = captures * (number + 1) / capturers - captures * number / capturers
                    let deep = (deepest + number) / capturers
                    results.add(capture(share, deepest: deep, of: crowd, names))
                }
            }
            for thread in threads { thread.join() }
            crowd.stop()
            var outcome = results.total
            outcome.disturbances = crowd.disturbances
            outcome.births = crowd.births
            outcome.acts = crowd.acts
            outcome.seconds = Double(Clock.now().nanoseconds(since: began) / 1_000_000) / 1_000
            return outcome
        }

        /// Captures so many times.
        private static func capture(
            _ captures: Int,
            deepest: Int,
            of crowd: StormCrowd,
            _ names: StormFrames.Names
        ) -> Outcome {
            var outcome = Outcome()
            var capture = ThreadCapture(policy: CapturePolicy())
            var unwinder = Unwinder()
            var frames = StormFrames(names)
            var random = SystemRandomNumberGenerator()
            var deepLeft = deepest
            let views = crowd.members.map { ThreadView($0.thread) }
            for number in 0..<captures {
                // Every third one is of a thread that is being born or ending, or has just ended.
                let passing = number % 3 == 0 ? crowd.anyPassing() : nil
                let index = Int.random(in: 0..<views.count, using: &random)
                let act = passing == nil ? crowd.members[index].act : nil
                let view = passing.map { ThreadView($0.thread) } ?? views[index]
                // The whole of a deep stack takes long to be checked.
                let isDeep = act == .rest && deepLeft > 0
                if isDeep { deepLeft -= 1 }
                let framesMost = isDeep ? StormAct.depthMost + 200 : 100
                let result = capture.capture(view) { registers, memory, isLive in
                    (unwinder.unwind(from: registers, memory: &memory, framesMost: framesMost), isLive)
                }
                outcome.captures += 1
                guard case .success((let stack, let isLive)) = result else { continue }
                // ThreadSanitizer delivers signals late: the registers are then older than the stack.
                if isThreadSanitized, !isLive { continue }
                let isWhole = isLive && stack.frames.count < framesMost
                if let fault = frames.fault(in: stack, of: act, isWhole: isWhole), outcome.faults.count < 5 {
                    let way = isLive ? "passive" : "signalled"
                    outcome.faults.append("\(fault) (\(way)): \(stack.frames.prefix(12).map { text($0, names) })")
                }
            }
            outcome.counts = frames.counts
            outcome.passive = capture.statistics.passive
            outcome.signalled = capture.statistics.signalled
            outcome.discarded = capture.statistics.discarded
            outcome.omitted = capture.statistics.omitted
            outcome.pauseNanosecondsMaximum = capture.statistics.pauseNanosecondsMaximum
            return outcome
        }

        private static func text(_ frame: RawFrame, _ names: StormFrames.Names) -> String {
            (frame.isUncertain ? "?" : "") + names.name(frame.isReturnAddress ? frame.address &- 1 : frame.address)
        }

        /// What came of all capturers.
        private final class Results: Sendable {
            private let lock = TestLock()
            // nonisolated(unsafe): guarded by the lock.
            nonisolated(unsafe) private var sum = Outcome()

            var total: Outcome {
                lock.lock()
                defer { lock.unlock() }
                return sum
            }

            func add(_ other: Outcome) {
                lock.lock()
                defer { lock.unlock() }
                sum.captures += other.captures
                sum.passive += other.passive
                sum.signalled += other.signalled
                sum.discarded += other.discarded
                sum.omitted += other.omitted
                sum.pauseNanosecondsMaximum = max(sum.pauseNanosecondsMaximum, other.pauseNanosecondsMaximum)
                sum.counts.stacks += other.counts.stacks
                sum.counts.frames += other.counts.frames
                sum.counts.framesMost = max(sum.counts.framesMost, other.counts.framesMost)
                sum.counts.uncertain += other.counts.uncertain
                sum.counts.truncated += other.counts.truncated
                sum.counts.short += other.counts.short
                sum.counts.recursionsMost = max(sum.counts.recursionsMost, other.counts.recursionsMost)
                sum.counts.asynchronous += other.counts.asynchronous
                sum.faults += other.faults
            }
        }
    }
}
