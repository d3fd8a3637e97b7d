// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchCore

/// Which of several stacks of one block it is laid on.
@Suite("Stacks of one block at several instants")
struct StackSamplesTests {
    private static func instant(_ milliseconds: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    private static func stack(_ function: String, _ origin: StackFrame.Origin = .host) -> Stack {
        Stack(frames: [StackFrame(function: function, module: "server", origin: origin)])
    }

    /// What a block is laid on that began at nothing, and at which these functions were seen.
    private func longest(_ seen: [(String, Int64)], until end: Int64) -> String? {
        var samples = StackSamples()
        samples.add(seen.map { .init(stack: Self.stack($0.0), instant: Self.instant($0.1)) })
        return samples.longest(from: Self.instant(0), until: Self.instant(end))?.frames.first?.function
    }

    @Test("what was seen at the very end did not last, however often the rest was seen")
    func end() {
        #expect(longest([("query", 50), ("loop", 121)], until: 122) == "query")
        #expect(longest([("query", 25), ("encode", 53), ("loop", 56)], until: 57) == "query")
        #expect(longest([("query", 50)], until: 121) == "query")
    }

    @Test("the same function adds up, and of two as long the later one is meant")
    func sums() {
        #expect(longest([("a", 50), ("b", 100), ("a", 200), ("b", 400)], until: 520) == "b")
        #expect(longest([("a", 50), ("b", 100), ("a", 200)], until: 390) == "a")
        #expect(longest([("a", 40), ("b", 60)], until: 100) == "b")
    }

    @Test("a stack of nobody's code stands back, and samples may lie after the end that was found later")
    func bounds() {
        var samples = StackSamples()
        #expect(samples.longest(from: Self.instant(0), until: Self.instant(100)) == nil)
        samples.add([.init(stack: Self.stack("epoll_wait", .system), instant: Self.instant(10))])
        #expect(samples.longest(from: Self.instant(0), until: Self.instant(100)) == Self.stack("epoll_wait", .system))
        samples.add([.init(stack: Self.stack("query"), instant: Self.instant(90))])
        #expect(samples.longest(from: Self.instant(0), until: Self.instant(100)) == Self.stack("query"))
        #expect(longest([("query", 50), ("loop", 130)], until: 60) == "query")
    }

    @Test("no more than the named number is kept")
    func limit() {
        let many = (0..<StackSamples.most).map { ("late", Int64(1_000 + $0)) }
        #expect(longest([("early", 900)] + many, until: 1_020) == "late")
    }
}
