// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

@testable import Loopwatch

extension Live {
    @Suite("Targets that come and go")
    struct RegistryTests {
        @Test("a target that cannot be added says why, in the log too, and the others are watched")
        func refused() throws {
            try TestFiles.withFolder { folder in
                let log = "\(folder)/log"
                try withWatch(
                    stacks: .off,
                    {
                        $0.log = [.file(path: log)]
                        $0.loopsLimit = 2
                        $0.poolsLimit = 1
                    }
                ) { watch, _ in
                    let nothing: WatchTarget.Submit = { $0() }
                    func problem(_ target: WatchTarget) -> String { watch.add(target).problem?.description ?? "" }
                    #expect(problem(.loop("", submit: nothing)).contains("a name has 1 to 128 bytes"))
                    #expect(problem(.loop(String(repeating: "x", count: 129), submit: nothing)).contains("1 to 128"))
                    let short = Thresholds(warning: .milliseconds(1))
                    #expect(problem(.loop("a", submit: nothing).with(thresholds: short)).contains("5 ms to 1 day"))
                    let order = Thresholds(warning: .seconds(2), error: .seconds(1))
                    #expect(problem(.loop("a", submit: nothing).with(thresholds: order)).contains("warning <= error"))
                    let fine = Duration.microseconds(1)
                    #expect(problem(.loop("a", submit: nothing).with(resolution: fine)).contains("1 ms to 10 s"))
                    #expect(problem(.loop("a", submit: nothing)) == "")
                    #expect(problem(.loop("a", submit: nothing)).contains("of that name is watched already"))
                    #expect(problem(.loop("b", submit: nothing)) == "")
                    #expect(problem(.loop("c", submit: nothing)).contains("the limit of 2 loops is reached"))
                    #expect(problem(.pool("c", submit: nothing)) == "")
                    #expect(problem(.pool("d", submit: nothing)).contains("the limit of 1 pools is reached"))
                    #expect(watch.metric("loopwatch_loops_rejected_total") == 1)
                    #expect(watch.metric("loopwatch_pools_rejected_total") == 1)
                    #expect(watch.snapshot().loops.map(\.name) == ["a", "b"])
                    try eventually("eight lines in the log") {
                        TestFiles.lines(log).count { $0.contains("is not watched: ") } == 8
                    }
                }
            }
        }

        /// The lines of a log without those that a busy machine makes.
        private static func linesOfTargets(_ log: String) -> [Substring] {
            TestFiles.lines(log).filter { !$0.contains(" INFO process starved of CPU for ") }
        }

        @Test("a name with line ends in it makes no second line in the log")
        func hostileName() throws {
            try TestFiles.withFolder { folder in
                let log = "\(folder)/log"
                try withWatch(stacks: .off, { $0.log = [.file(path: log)] }) { watch, _ in
                    let name = "one\n2026-01-01T00:00:00.000Z CRITICAL forged\u{1b}[2J"
                    #expect(watch.add(.loop(name) { $0() }).problem == nil)
                    #expect(watch.add(.loop(name) { $0() }).problem != nil)
                    #expect(watch.add(.loop(String(repeating: "x", count: 1_000_000)) { $0() }).problem != nil)
                    try eventually("two lines") { Self.linesOfTargets(log).count >= 2 }
                }
                #expect(Self.linesOfTargets(log).count == 2, "\(TestFiles.text(log).prefix(1_000))")
                #expect(!TestFiles.text(log).contains("\u{1b}"))
                #expect(TestFiles.text(log).utf8.count < 10_000)
            }
        }

        @Test("a target's own thresholds and resolution hold for it alone")
        func overrides() throws {
            try withLoops { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    watch.add(loops[0].target("slow").with(thresholds: Thresholds(warning: .seconds(100))))
                    watch.add(loops[1].target("fast").with(thresholds: Thresholds(warning: .milliseconds(50))))
                    try watch.waitUntilAnswered(["slow", "fast"])
                    let slow = Hold(.sleeping)
                    defer { slow.release() }
                    loops[0].execute { slow.run() }
                    try checkStall(of: "fast", by: Hold(.sleeping), watch, recorder) { loops[1].execute($0) }
                    #expect(try watch.statistics(of: "slow").thresholdsNanoseconds[0] == 100_000_000_000)
                }
            }
        }

        @Test("a blocked target that is removed ends for its readers, and leaves nothing behind")
        func removedWhileBlocked() throws {
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    let first = watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    loops[0].execute { hold.run() }
                    let begun = try recorder.wait(for: "the begun report") { $0.state == .begun }
                    first.remove()
                    first.remove()
                    try recorder.wait(for: "the ended report") { $0.state == .ended && $0.stall == begun.stall }
                    #expect(!hold.hasEnded)
                    #expect(watch.snapshot().loops.isEmpty)
                    // Another of the same name is another.
                    #expect(watch.add(loops[0].target("one")).problem == nil)
                    let again = try recorder.wait(for: "the second begun report") {
                        $0.state == .begun && $0.sequence > begun.sequence
                    }
                    #expect(again.stall != begun.stall)
                    hold.release()
                    try recorder.wait(for: "the second ended report") { $0.state == .ended && $0.stall == again.stall }
                }
            }
        }

        @Test("targets are added and removed from several threads while some are blocked")
        func manyThreads() throws {
            try withLoops([.poll, .condition, .poll, .condition]) { loops in
                try withLoops([.poll]) { watched in
                    try withWatch(stacks: .off) { watch, recorder in
                        let hold = Hold(.sleeping)
                        defer { hold.release() }
                        watched[0].execute { hold.run() }
                        let done = Atomic(0)
                        for (number, loop) in loops.enumerated() {
                            loop.execute {
                                for round in 0..<200 {
                                    let registration = watch.add(watched[0].target("\(number)-\(round % 3)"))
                                    #expect(registration.problem == nil)
                                    _ = watch.snapshot()
                                    registration.remove()
                                }
                                done.add(1, ordering: .releasing)
                            }
                        }
                        try eventually("all threads are done") { done.load(ordering: .acquiring) == loops.count }
                        hold.release()
                        #expect(watch.snapshot().loops.isEmpty)
                        watch.add(watched[0].target("last"))
                        try watch.waitUntilAnswered(["last"])
                        try checkStall(of: "last", by: Hold(.sleeping), watch, recorder) { watched[0].execute($0) }
                    }
                }
            }
        }

        @Test("five hundred targets are watched at once, and one that is blocked is found")
        func fiveHundred() throws {
            try withWatch(stacks: .off, { $0.loopsLimit = 1_000 }) { watch, recorder in
                let queues = (0..<500).map { DispatchQueue(label: "queue-\($0)") }
                for (number, queue) in queues.enumerated() {
                    #expect(watch.add(.queue("queue-\(number)", queue)).problem == nil)
                }
                try watch.settle()
                try checkStall(
                    of: "queue-250",
                    by: Hold(.sleeping),
                    causes: ["syscall:clock_nanosleep"],
                    watch,
                    recorder
                ) { queues[250].async(execute: $0) }
                // The work of looking at so many is not taken for a stop of the process. A thread that adds a target may be
                // preempted while it has the registry's lock, for which the watchdog then waits.
                let suspended = watch.snapshot().watchdog.suspendedNanoseconds
                #expect(isSanitized || suspended < 200_000_000, "\(recorder.lines)")
            }
        }

        @Test("a loop whose thread ended is gone: said once, and not blocked")
        func gone() throws {
            try TestFiles.withFolder { folder in
                let log = "\(folder)/log"
                try withLoops([.condition]) { loops in
                    let recorder = ReportRecorder()
                    try withWatch(stacks: .off, { $0.log = [.file(path: log), recorder.destination] }) { watch, _ in
                        watch.add(loops[0].target("one"))
                        // Something to go on watching when the loop is gone.
                        watch.add(.queue("two", DispatchQueue(label: "two")))
                        try eventually("the way in which the loop waits is known") {
                            try watch.statistics(of: "one").lag.count > 12
                        }
                        loops[0].stop()
                        try eventually("the loop is said to be gone") {
                            TestFiles.lines(log).contains { $0.contains("target 'one' is gone") }
                        }
                        try eventually("it is not blocked") {
                            try watch.statistics(of: "one").currentStallNanoseconds == nil
                        }
                        #expect(TestFiles.lines(log).count { $0.contains("is gone") } == 1)
                        #expect(try watch.statistics(of: "one").currentStallNanoseconds == nil)
                    }
                }
            }
        }

        @Test("a target that drops its work is blocked until it is removed")
        func dropped() throws {
            try withWatch(stacks: .off) { watch, recorder in
                let registration = watch.add(.loop("one") { _ in })
                try recorder.wait(for: "the begun report") { $0.state == .begun && $0.target == "one" }
                registration.remove()
                try recorder.wait(for: "the ended report") { $0.state == .ended && $0.target == "one" }
            }
        }

        @Test("a closure of the host that is slow again and again is not taken for a standstill of the process")
        func slowDepth() throws {
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    let calls = Atomic(0)
                    watch.add(
                        .pool(
                            "pool",
                            submit: { loops[0].execute($0) },
                            depth: {
                                calls.add(1, ordering: .relaxed)
                                usleep(400_000)
                                return 0
                            }
                        )
                    )
                    try eventually("the closure was called often") { calls.load(ordering: .relaxed) > 4 }
                    // The first time it might have been the whole process.
                    #expect(recorder.all.count { $0.cause == .suspended } <= 1, "\(recorder.lines)")
                }
            }
        }
    }
}
