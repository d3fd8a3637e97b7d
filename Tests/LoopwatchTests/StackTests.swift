// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

@testable import Loopwatch

extension Live {
    @Suite("The code that blocks")
    struct StackTests {
        /// What ends a job.
        private static let isReleased = Atomic(false)

        @Test("is named by reports while it sleeps and while it computes, with its callers", arguments: [false, true])
        func loop(computes: Bool) throws {
            try withLoops([.poll]) { loops in
                try withWatch { watch, recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    try check(computes: computes, recorder) { loops[0].execute($0) }
                }
            }
        }

        @Test("is named on a queue", arguments: [false, true])
        func queue(computes: Bool) throws {
            let queue = DispatchQueue(label: "one")
            try withWatch { watch, recorder in
                watch.add(.queue("one", queue))
                try watch.waitUntilAnswered(["one"])
                try check(computes: computes, recorder) { queue.async(execute: $0) }
            }
        }

        @Test("that waits for a descriptor is told with what the descriptor is")
        func descriptor() throws {
            var ends: [CInt] = [0, 0]
            #expect(pipe(&ends) == 0)
            let (reading, writing) = (ends[0], ends[1])
            defer {
                close(reading)
                close(writing)
            }
            try withLoops([.poll]) { loops in
                try withWatch { watch, recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    loops[0].execute {
                        var byte: UInt8 = 0
                        _ = read(reading, &byte, 1)
                    }
                    // Whatever happens, the loop has to end.
                    defer { _ = write(writing, "x", 1) }
                    let begun = try recorder.wait(for: "the begun report") { $0.state == .begun }
                    #expect(begun.cause == .syscall("read"))
                    #expect(begun.causeDetail?.contains("pipe") == true, "\(begun.causeDetail ?? "nothing")")
                    #expect(recorder.lines.contains { $0.contains(" on=") }, "\(recorder.lines)")
                }
            }
        }

        @Test("is not looked for where that is switched off, and the report says so")
        func off() throws {
            try withLoops([.poll]) { loops in
                try withWatch({ $0.stackCapture = .off }) { watch, recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    loops[0].execute { hold.run() }
                    let begun = try recorder.wait(for: "the begun report") { $0.state == .begun }
                    #expect(begun.stack == nil)
                    #expect(begun.stackOmitted?.contains("switched off") == true)
                }
            }
        }

        private func check(computes: Bool, _ recorder: ReportRecorder, _ execute: Execute) throws {
            Self.isReleased.store(false, ordering: .relaxed)
            defer { Self.isReleased.store(true, ordering: .relaxed) }
            execute { _ = handleRequestForTest(computes, Self.isReleased) }
            // A thread that sleeps again and again may go on during a capture, so not each has a stack; and the first
            // may go out before its lines are found.
            let named = try recorder.wait(for: "a report that names the code") { $0.stack?.blamed?.line != nil }
            Self.isReleased.store(true, ordering: .relaxed)
            let ended = try recorder.wait(for: "the ended report") { $0.state == .ended && $0.target == "one" }
            #expect(ended.stack != nil, "\(recorder.lines)")
            let stack = try #require(named.stack)
            let functions = stack.frames.map { $0.function.replacing("LoopwatchTests.", with: "") }
            let expected = [
                computes ? "computeForTest" : "sleepForTest", "loadOrderForTest", "handleRequestForTest",
            ]
            let found = expected.map { name in functions.firstIndex { $0.hasPrefix(name) } }
            #expect(
                found.compactMap { $0 }.count == 3 && found.compactMap { $0 } == found.compactMap { $0 }.sorted(),
                "\(functions)"
            )
            // A sanitizer's code stands between the program and the C library, and much of it has no name of its own.
            guard !isSanitized else { return }
            #expect(stack.blamed?.function.contains(expected[0]) == true, "\(functions)")
            #expect(stack.blamed?.file?.hasSuffix("StackTests.swift") == true, "\(stack.blamed as Any)")
            #expect(stack.blamed?.line != nil)
        }
    }
}

@inline(never)
private func handleRequestForTest(_ computes: Bool, _ isReleased: borrowing Atomic<Bool>) -> Int {
    loadOrderForTest(computes, isReleased) + 1
}

@inline(never)
private func loadOrderForTest(_ computes: Bool, _ isReleased: borrowing Atomic<Bool>) -> Int {
    (computes ? computeForTest(isReleased) : sleepForTest(isReleased)) + 1
}

@inline(never)
private func sleepForTest(_ isReleased: borrowing Atomic<Bool>) -> Int {
    var count = 0
    while !isReleased.load(ordering: .relaxed) {
        usleep(20_000)
        count += 1
    }
    return count
}

@inline(never)
private func computeForTest(_ isReleased: borrowing Atomic<Bool>) -> Int {
    var count = 0
    while !isReleased.load(ordering: .relaxed) { count &+= 1 }
    return count
}
