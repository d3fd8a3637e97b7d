// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import LoopwatchHTTP
import Testing

@testable import Loopwatch

@Suite("What one follower of warnings is given")
struct WarningFollowerTests {
    private let ring = WarningRing()
    private let lifetime = WatchLifetime()
    private let now = MonotonicInstant(nanoseconds: 1_000_000_000)

    @Test(
        "it never gives more than there is room for, whatever the room, the form and what was missed",
        arguments: ["ndjson", "sse", "text"]
    )
    func capacity(form: String) throws {
        warn(1...Limits.warningsKept + 500)
        for capacity in Array(0...300) + Array(stride(from: 1_000, through: 256 * 1_024, by: 30_000)) {
            for isStopping in [false, true] {
                if isStopping { _ = lifetime.stop() }
                let follower = try follower(form)
                for _ in 0..<2 {
                    let count = follower.next(at: now, capacityBytes: capacity).bytes.count
                    #expect(count <= capacity, "\(count) bytes where \(capacity) could be taken")
                }
            }
        }
    }

    @Test("one whose client takes nothing waits without being asked, and tells all that was missed as one gap")
    func gap() throws {
        let follower = try follower("ndjson")
        warn(1...100)
        #expect(lines(follower.next(at: now, capacityBytes: 256 * 1_024)).count == 100)
        for round in 1..<20 {
            warn(round * 100 + 1...round * 100 + 100)
            #expect(follower.next(at: now, capacityBytes: 90_000) == HTTPStreamChunk(bytes: []))
        }
        let told = lines(follower.next(at: now, capacityBytes: 256 * 1_024))
        #expect(told.first == #"{"event":"gap","missed":876}"#)
        #expect(told.count { $0.contains("gap") } == 1)
        #expect(told.dropFirst().first?.hasPrefix(#"{"id":"0-977","#) == true, "\(told.dropFirst().first ?? "")")
    }

    private func follower(_ form: String) throws -> WarningFollower {
        let request = HTTPRequest(
            method: .get,
            path: "/warnings",
            query: [(name: "follow", value: "1"), (name: "format", value: form)]
        )
        return WarningFollower(
            query: try WarningsQuery(request, boot: "0"),
            from: 0,
            ring: ring,
            writer: WarningJSONWriter(process: "test", processIdentifier: 1, boot: "0"),
            lifetime: lifetime
        )
    }

    private func lines(_ chunk: HTTPStreamChunk) -> [String] {
        String(decoding: chunk.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func warn(_ sequences: ClosedRange<Int>) {
        for sequence in sequences { ring.append(.sample(sequence)) }
    }
}
