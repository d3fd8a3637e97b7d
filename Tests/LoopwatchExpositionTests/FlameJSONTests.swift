// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("The flame graph as tables")
struct FlameJSONTests {
    private static func document(_ profile: StallProfile) throws -> (value: JSONValue, bytes: Int) {
        var bytes: [UInt8] = []
        FlameJSONWriter.write(profile, process: "api", unixNanoseconds: Snapshots.now, into: &bytes)
        return (try JSONValue.parse(bytes), bytes.count)
    }

    private static func elements(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let elements)? = value { elements } else { [] }
    }

    @Test("every frame is there once, and a stack is the way of its numbers, outermost first")
    func tables() throws {
        let document = try Self.document(Stacks.profile()).value
        let frames = Self.elements(document["frames"])
        #expect(Set(frames.map { "\($0)" }).count == frames.count)
        let first = try #require(Self.elements(document["stacks"]).first)
        let names = Self.elements(first["path"]).map { number -> JSONValue? in
            guard case .number(let text) = number, let index = Int(text) else { return nil }
            return Self.elements(frames[index]).first
        }
        #expect(
            names == [
                .string("Router.respond()"), .string("handleRequest()"), .string("checkout()"),
                .string("innerBlocking()"), .string("clock_nanosleep"),
            ]
        )
        #expect(
            first["shares"]
                == .array([
                    .array([.string("http-0"), .string("syscall"), .number("312")]),
                    .array([.string("http-1"), .string("syscall"), .number("688")]),
                ])
        )
        #expect(Self.elements(document["rest"]).first == .array([.string("(no stack)"), .number("90")]))
        #expect(document["blocked_ms"] == .number("1600"))
    }

    @Test("a profile that is empty is one of empty tables")
    func empty() throws {
        let document = try Self.document(StallProfile()).value
        #expect(document["frames"] == .array([]) && document["stacks"] == .array([]))
    }

    @Test("a large profile is a fraction of its other JSON form, and stays within its limit whatever the names are")
    func size() throws {
        let large = Stacks.profile(groups: Limits.profileStacks)
        var whole: [UInt8] = []
        ProfileJSONWriter.write(large, process: "api", unixNanoseconds: 0, writesFrames: true, into: &whole)
        let compact = try Self.document(large).bytes
        #expect(compact * 2 < whole.count, "\(compact) of \(whole.count)")
        let huge = Stacks.profile(groups: Limits.profileStacks, depth: 60, nameBytes: 400)
        let (value, bytes) = try Self.document(huge)
        #expect(bytes < 4 * 1_024 * 1_024, "\(bytes)")
        #expect(Self.elements(Self.elements(value["rest"]).last).last != .number("0"))
    }

    @Test("no name breaks out of it", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        let document = try Self.document(Stacks.profile(named: name)).value
        // Two of its three frames differ in nothing that is drawn.
        #expect(Self.elements(document["frames"]).count == 2)
    }
}
