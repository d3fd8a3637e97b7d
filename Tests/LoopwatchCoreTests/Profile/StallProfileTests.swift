// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

/// Blocked time added up by stack.
@Suite("The profile of blocked time")
struct StallProfileTests {
    private var profile = StallProfile(beganUnixNanoseconds: 1_000)

    private func stack(_ function: String, line: Int? = nil) -> Stack {
        Stack(frames: [
            StackFrame(function: "nanosleep", module: "libc.so.6", origin: .system),
            StackFrame(function: function, line: line, module: "app", origin: .host),
        ])
    }

    private mutating func record(
        _ function: String,
        _ nanoseconds: Int64,
        line: Int? = nil,
        target: String = "http-0",
        subject: StallReport.Subject = .loop,
        cause: Cause = .cpu,
        isNew: Bool = true,
        length: Int64? = nil,
        at unix: Int64 = 5
    ) {
        profile.record(
            stack: stack(function, line: line),
            subject: subject,
            target: target,
            cause: cause,
            nanoseconds: nanoseconds,
            isNewStall: isNew,
            stallNanoseconds: length ?? nanoseconds,
            unixNanoseconds: unix
        )
    }

    @Test("an empty profile has nothing of anything")
    func empty() {
        #expect(profile.count == 0 && profile.top() == [] && profile.totalNanoseconds == 0 && profile.totalStalls == 0)
        #expect(profile[0] == nil)
    }

    @Test("samples of one stack are one group, whatever their lines, and stalls are counted once")
    mutating func grouping() throws {
        record("checkout()", 100, line: 14, isNew: true, length: 100, at: 20)
        record("checkout()", 50, line: 15, isNew: false, length: 150, at: 30)
        record("checkout()", 70, line: 16, isNew: true, length: 70, at: 10)
        #expect(profile.count == 1)
        let entry = try #require(profile[stack("checkout()").fingerprint])
        #expect(entry.stalls == 2 && entry.samples == 3 && entry.totalNanoseconds == 220)
        #expect(entry.longestNanoseconds == 150)
        #expect(entry.stack.frames[1].line == 15, "the stack of the longest stall is kept")
        #expect(entry.firstUnixNanoseconds == 10 && entry.lastUnixNanoseconds == 30)
        #expect(entry.identifier.count == 16 && Stack.fingerprint(ofIdentifier: entry.identifier) == entry.fingerprint)
    }

    @Test("the top is by blocked time, cut at the limit, and stable")
    mutating func top() {
        for (function, nanoseconds) in [("a", 10), ("b", 30), ("c", 20), ("d", 10)] as [(String, Int64)] {
            record(function, nanoseconds)
        }
        func names(_ entries: [StallProfile.Entry]) -> [String] { entries.map { $0.stack.frames[1].function } }
        #expect(names(profile.top(2)) == ["b", "c"])
        #expect(profile.top(0) == [] && profile.top(-1) == [])
        #expect(profile.top().map(\.fingerprint) == profile.top(4).map(\.fingerprint))
        #expect(profile.top().count == 4)
    }

    @Test("targets and causes have their own parts of the time, and those beyond the limit share one for each cause")
    mutating func shares() throws {
        record("f", 5, target: "pool", subject: .pool, cause: .syscall("read"))
        record("f", 7, target: "pool", subject: .loop, cause: .syscall("write"))
        record("f", 1, target: "pool", subject: .pool, cause: .syscall("write"), isNew: false)
        let fingerprint = stack("f").fingerprint
        var entry = try #require(profile[fingerprint])
        #expect(entry.shares.map(\.nanoseconds) == [6, 7], "a loop and a pool of one name are two")
        #expect(entry.shares.map(\.stalls) == [1, 1])
        #expect(entry.shares.map(\.cause) == ["syscall", "syscall"])
        #expect(entry.targets == ["pool"])
        for index in 0..<100 {
            record("f", 10, target: "t\(index)", cause: index.isMultiple(of: 2) ? .cpu : .lock)
        }
        entry = try #require(profile[fingerprint])
        #expect(entry.shares.count == Limits.profileShares + 2)
        #expect(entry.shares.count { $0.target == nil } == 2)
        #expect(entry.shares.reduce(0) { $0 + $1.nanoseconds } == entry.totalNanoseconds)
        #expect(entry.shares.reduce(0) { $0 + $1.stalls } == entry.stalls)
        #expect(entry.causes.map(\.label) == ["cpu", "lock", "syscall"])
        #expect(entry.causes.map(\.nanoseconds) == [500, 500, 13])
    }

    @Test("time without a stack is counted")
    mutating func unattributed() {
        profile.recordUnattributed(nanoseconds: 40, isNewStall: true)
        profile.recordUnattributed(nanoseconds: 2, isNewStall: false)
        profile.recordUnattributed(nanoseconds: -5, isNewStall: false)
        record("a", 8)
        #expect(profile.unattributedNanoseconds == 42 && profile.unattributedStalls == 1)
        #expect(profile.totalNanoseconds == 50 && profile.totalStalls == 2)
    }

    @Test("numbers at the ends of their ranges do not trap")
    mutating func extremes() throws {
        record("a", .max, length: .max, at: .max)
        record("a", .max, isNew: false, length: .min, at: .min)
        record("b", .min, length: .min)
        record("b", .max)
        profile.recordUnattributed(nanoseconds: .max, isNewStall: true)
        #expect(profile.totalNanoseconds == .max)
        #expect(try #require(profile[stack("a").fingerprint]).totalNanoseconds == .max)
        profile = StallProfile(capacity: .min)
        for name in ["a", "b", "c"] { record(name, .max) }
        #expect(profile.capacity == 1 && profile.count == 1 && profile.evictedGroups == 2)
        #expect(profile.totalNanoseconds == .max)
    }

    @Test("of 1,000 groups 512 are kept, and no time is lost from the sum")
    mutating func thousandGroups() {
        for index in 1...1_000 { record("f\(index)", Int64(index)) }
        #expect(profile.count == Limits.profileStacks)
        #expect(profile.evictedGroups == 1_000 - 512 && profile.evictedStalls == 1_000 - 512)
        #expect(profile.totalNanoseconds == 500_500 && profile.totalStalls == 1_000)
        #expect(profile.top(1).first?.totalNanoseconds == 1_000)
        #expect(profile.evictedNanoseconds == (1...488).reduce(0, +), "those with the least time are forgotten")
    }

    @Test("a flood of stacks that never come back forgets neither the large ones nor a new one that comes back")
    mutating func flood() throws {
        for index in 0..<100 { record("large\(index)", 1_000_000) }
        for round in 0..<100 {
            record("slow from now on", 10, isNew: round == 0)
            for index in 0..<50 { record("flood\(round).\(index)", 100) }
        }
        for index in 0..<100 { #expect(profile[stack("large\(index)").fingerprint] != nil) }
        let entry = try #require(profile[stack("slow from now on").fingerprint])
        #expect(entry.samples == 100 && entry.totalNanoseconds == 1_000)
        #expect(profile.count == Limits.profileStacks)
        #expect(profile.totalNanoseconds == 100 * 1_000_000 + 1_000 + 100 * 50 * 100)
    }

    @Test("whatever comes, the bound holds and the sums agree", arguments: 0..<20)
    func random(_ seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var profile = StallProfile(capacity: Int.random(in: 1...40, using: &generator))
        var (total, stalls) = (0 as Int64, 0 as UInt64)
        for _ in 0..<2_000 {
            let nanoseconds = Int64.random(in: 0...1_000_000, using: &generator)
            let isNew = Bool.random(using: &generator)
            total += nanoseconds
            stalls += isNew ? 1 : 0
            if Int.random(in: 0..<10, using: &generator) == 0 {
                profile.recordUnattributed(nanoseconds: nanoseconds, isNewStall: isNew)
                continue
            }
            profile.record(
                stack: stack("f\(Int.random(in: 0..<100, using: &generator))"),
                subject: .loop,
                target: "t\(Int.random(in: 0..<30, using: &generator))",
                cause: [.cpu, .lock, .unknown].randomElement(using: &generator) ?? .cpu,
                nanoseconds: nanoseconds,
                isNewStall: isNew,
                stallNanoseconds: nanoseconds,
                unixNanoseconds: 0
            )
            #expect(profile.count <= profile.capacity)
        }
        #expect(profile.totalNanoseconds == total, "seed \(seed)")
        #expect(profile.totalStalls == stalls, "seed \(seed)")
        for entry in profile.top() {
            #expect(entry.shares.reduce(0) { $0 + $1.nanoseconds } == entry.totalNanoseconds)
        }
    }

    @Test(
        "only 16 hexadecimal digits are a fingerprint",
        arguments: [
            "", "0", "+123456789abcdef", "-123456789abcdef", "0123456789abcdeg", "00123456789abcdef",
            "0x23456789abcdef", "é23456789abcdef", "０123456789abcd",
        ]
    )
    func badIdentifiers(_ text: String) {
        #expect(Stack.fingerprint(ofIdentifier: text) == nil)
    }

    @Test("fingerprints are written with all their digits and read in either case")
    func identifiers() {
        for fingerprint in [0, 1, 0x0123_4567_89ab_cdef, .max] as [UInt64] {
            let text = Stack.identifier(of: fingerprint)
            #expect(text.count == 16)
            #expect(Stack.fingerprint(ofIdentifier: text) == fingerprint)
            #expect(Stack.fingerprint(ofIdentifier: text.uppercased()) == fingerprint)
        }
    }
}
