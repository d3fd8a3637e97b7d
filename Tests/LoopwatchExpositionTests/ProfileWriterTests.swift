// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import LoopwatchTestSupport
import Testing

@testable import enum LoopwatchExposition.LogicalPath

/// The bytes that the forms of a profile have.
private enum Written {
    static func folded(_ profile: StallProfile) -> [UInt8] {
        var bytes: [UInt8] = []
        FoldedStackWriter.write(profile, into: &bytes)
        return bytes
    }

    static func table(_ profile: StallProfile, limit: Int = 20) -> [UInt8] {
        var bytes: [UInt8] = []
        StallTableWriter.write(profile, limit: limit, unixNanoseconds: Snapshots.now, into: &bytes)
        return bytes
    }

    static func stall(_ entry: StallProfile.Entry) -> [UInt8] {
        var bytes: [UInt8] = []
        StallTableWriter.write(entry, into: &bytes)
        return bytes
    }

    static func json(_ profile: StallProfile, limit: Int = .max, writesFrames: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        ProfileJSONWriter.write(
            profile,
            process: "api",
            unixNanoseconds: Snapshots.now,
            limit: limit,
            writesFrames: writesFrames,
            into: &bytes
        )
        return bytes
    }

    static func graph(_ profile: StallProfile, process: String = "api") -> [UInt8] {
        var bytes: [UInt8] = []
        FlameGraphWriter.write(profile, process: process, unixNanoseconds: Snapshots.now, into: &bytes)
        return bytes
    }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

@Suite("Which frames the pictures of a profile show")
struct LogicalPathTests {
    private func names(_ frames: [StackFrame]) -> [String] {
        LogicalPath.frames(of: Stack(frames: frames)).map(\.function)
    }

    @Test("a stack without asynchronous callers is shown whole")
    func physical() {
        #expect(names(Stacks.parse.frames) == Stacks.parse.frames.map(\.function))
        #expect(names([]) == [])
    }

    @Test("the runtime's frames below an asynchronous function are left out")
    func asynchronous() {
        #expect(
            names(Stacks.checkout.frames)
                == ["clock_nanosleep", "innerBlocking()", "checkout()", "handleRequest()", "Router.respond()"]
        )
    }

    @Test("a host's own event loop below the job is left out as well")
    func eventLoop() {
        let frames = [
            Stacks.host("work"),
            Stacks.library("swift::runJobInEstablishedExecutorContext(swift::Job*)", "s", .runtime),
            Stacks.host("EventLoop.run()"), Stacks.library("start_thread", "libc", .system),
            Stacks.host("caller", link: .asynchronous), Stacks.library("thunk", "s", .runtime, link: .call),
        ]
        #expect(names(frames) == ["work", "caller", "thunk"])
    }

    @Test("a name of the host's own does not pass for the runtime's, and a job without a frame of the host's stays")
    func noJob() {
        let awaiting = Stacks.host("caller", link: .asynchronous)
        #expect(names([Stacks.host("swift_job_run"), Stacks.host("main"), awaiting]).count == 3)
        let job = Stacks.library("swift_job_run", "s", .runtime)
        #expect(
            names([Stacks.library("read", "libc", .system), job, awaiting]) == ["read", "swift_job_run", "caller"]
        )
        #expect(names([awaiting]) == ["caller"])
    }
}

@Suite("The profile as folded stacks, table, JSON and flame graph")
struct ProfileWriterTests {
    @Test("all forms are as they were agreed")
    func golden() throws {
        let profile = Stacks.profile()
        try Fixture.expect(Written.folded(profile), toEqual: "golden-profile.folded")
        try Fixture.expect(Written.table(profile), toEqual: "golden-profile.txt")
        try Fixture.expect(Written.json(profile), toEqual: "golden-profile.json")
        try Fixture.expect(Written.graph(profile), toEqual: "golden-profile.svg")
        let entry = try #require(profile.top(1).first)
        try Fixture.expect(Written.stall(entry), toEqual: "golden-stall.txt")
    }

    @Test("an empty profile is empty in every form, and says so where there are words")
    func empty() throws {
        let profile = StallProfile()
        #expect(Written.folded(profile) == [])
        #expect(Written.text(Written.table(profile)).contains("no stack was captured so far\n"))
        #expect(Written.text(Written.graph(profile)).contains("nothing was blocked so far"))
        #expect(try JSONValue.parse(Written.json(profile))["stacks"] == .array([]))
        _ = try XMLReader.elements(Written.graph(profile))
    }

    @Test("blocked time alone, without any stack, is shown")
    func onlyUnattributed() throws {
        var profile = StallProfile()
        profile.recordUnattributed(nanoseconds: 5_000_000, isNewStall: true)
        #expect(Written.text(Written.folded(profile)) == "(no stack) 5000\n")
        #expect(Written.text(Written.table(profile)).contains("without a stack: 5ms in 1 stalls\n"))
        #expect(Written.text(Written.graph(profile)).contains("(no stack): 5ms, 100%"))
        #expect(try JSONValue.parse(Written.json(profile))["unattributed_blocked_ms"] == .number("5"))
    }

    /// Reads folded stacks as tools do: the weight is behind the last space.
    private func foldedLines(_ bytes: [UInt8]) throws -> [(frames: [String], weight: Int64)] {
        try Written.text(bytes).unicodeScalars.split(separator: "\n").map { line in
            let text = String(Substring(line))
            guard let space = text.lastIndex(of: " "), let weight = Int64(text[text.index(after: space)...]) else {
                throw ExpositionFault("no weight: \(text)")
            }
            let frames = text[..<space].unicodeScalars.split(separator: ";", omittingEmptySubsequences: false)
            return (frames.map { String(Substring($0)) }, weight)
        }
    }

    @Test("folded weights add up to all blocked time, also of 1,000 groups")
    func foldedSum() throws {
        for profile in [Stacks.profile(), Stacks.profile(groups: 1_000)] {
            let lines = try foldedLines(Written.folded(profile))
            #expect(lines.reduce(0) { $0 + $1.weight } == profile.totalNanoseconds / 1_000)
            #expect(lines.allSatisfy { !$0.frames.contains("") })
        }
    }

    @Test("hostile names make neither lines nor frames nor tags", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        try check(name)
    }

    @Test("random names make neither lines nor frames nor tags", arguments: 0..<20)
    func randomNames(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<5 { try check(Stacks.randomName(using: &generator)) }
    }

    private func check(_ name: String) throws {
        let profile = Stacks.profile(named: name)
        let comment = Comment(rawValue: name.debugDescription)
        let lines = try foldedLines(Written.folded(profile))
        #expect(lines.map(\.frames.count) == [4], comment)
        #expect(lines.map(\.weight) == [1_000], comment)
        let plain = Stacks.profile(named: "x")
        let table = Written.table(profile)
        #expect(table.count { $0 == 0x0A } == Written.table(plain).count { $0 == 0x0A }, comment)
        let entry = try #require(profile.top().first)
        let stall = Written.stall(entry)
        #expect(stall.count { $0 == 0x0A } == Written.stall(try #require(plain.top().first)).count { $0 == 0x0A })
        for bytes in [Written.folded(profile), table, stall] {
            let isClean = Written.text(bytes).unicodeScalars.allSatisfy {
                $0 == "\n" || $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "\u{202E}"
            }
            #expect(isClean, comment)
        }
        let value = try JSONValue.parse(Written.json(profile))
        guard case .array(let stacks) = value["stacks"], case .array(let frames) = stacks.first?["stack"] else {
            Issue.record("no frames")
            return
        }
        #expect(frames.allSatisfy { $0["function"] == .string(name) && $0["module"] == .string(name) }, comment)
        let elements = try XMLReader.elements(Written.graph(profile, process: name))
        let expected = try XMLReader.elements(Written.graph(plain, process: "x"))
        #expect(elements.map(\.name) == expected.map(\.name), comment)
        #expect(Set(elements.map(\.name)) == ["svg", "title", "style", "rect", "text"])
    }

    @Test("the graph is one file without a script or an address, and its boxes lie within their callers'")
    func graph() throws {
        let bytes = Written.graph(Stacks.profile())
        let text = Written.text(bytes)
        #expect(
            !text.contains("<script") && !text.contains("href") && !text.contains("url(") && !text.contains("@import")
        )
        #expect(text.matches(of: /https?:/).count == 1, "only the namespace")
        #expect(FlameGraphWriter.headers.contains { $0.value.contains("default-src 'none'") })
        struct Box { var (left, width, top): (Double, Double, Int) }
        let boxes = try XMLReader.elements(bytes).compactMap { element -> Box? in
            guard element.depth == 1, element.name == "svg", let x = element.attributes["x"], x.hasSuffix("%"),
                let width = element.attributes["width"]
            else { return nil }
            return Box(
                left: Double(x.dropLast()) ?? -1,
                width: Double(width.dropLast()) ?? -1,
                top: Int(element.attributes["y"] ?? "") ?? -1
            )
        }
        #expect(boxes.count == 21)
        let root = try #require(boxes.first)
        #expect(root.left == 0 && root.width == 100)
        for box in boxes.dropFirst() {
            let hasCaller = boxes.contains {
                $0.top == box.top - 18 && $0.left <= box.left + 1e-6
                    && $0.left + $0.width >= box.left + box.width - 1e-6
            }
            #expect(hasCaller, "\(box)")
        }
        for (index, box) in boxes.enumerated() {
            for other in boxes[(index + 1)...] where other.top == box.top {
                #expect(other.left >= box.left + box.width - 1e-6 || box.left >= other.left + other.width - 1e-6)
            }
        }
    }

    @Test("every form of a very large profile is short enough to be answered")
    func large() throws {
        let most = 4 * 1_024 * 1_024
        // The names alone would be 6 MB, and the stacks 4 MB.
        let longNames = Stacks.profile(groups: 30, depth: 250, nameBytes: 900)
        let folded = Written.folded(longNames)
        #expect(folded.count < most)
        let weights = folded.split(separator: 0x0A).map { line in
            let digits = line[(line.lastIndex(of: 0x20) ?? line.startIndex)...].dropFirst()
            return Int64(String(decoding: digits, as: UTF8.self)) ?? 0
        }
        #expect(weights.reduce(0, +) == longNames.totalNanoseconds / 1_000)
        #expect(Written.text(folded).contains("\n(stacks left out) "))
        #expect(Written.graph(longNames).count < most)
        let manyStacks = Stacks.profile(groups: 520, depth: 30)
        let json = Written.json(manyStacks)
        #expect((Limits.stackBytesInAnswer..<most).contains(json.count), "the limit was reached and kept")
        // The reader takes its time for millions of bytes; what is left out are whole members.
        #expect(json.suffix(4) == Array("}]}\n".utf8))
    }

    @Test("the table is cut at its limit and says so; without frames the JSON has only the frame to blame")
    func limits() throws {
        let profile = Stacks.profile(groups: 30)
        let table = Written.text(Written.table(profile, limit: 7))
        #expect(table.contains("\nand 23 more; ?limit=N shows more\n"))
        #expect(table.matches(of: /\ cpu\ /).count == 7)
        let value = try JSONValue.parse(Written.json(profile, limit: 7, writesFrames: false))
        guard case .array(let stacks) = value["stacks"] else {
            Issue.record("no stacks")
            return
        }
        #expect(stacks.count == 7 && value["kept_stacks"] == .number("30"))
        #expect(stacks.allSatisfy { $0["at"] != nil && $0["stack"] == nil && $0["stack_id"] != nil })
    }
}
