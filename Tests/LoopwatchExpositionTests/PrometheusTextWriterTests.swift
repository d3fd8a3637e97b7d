// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("The text format 0.0.4")
struct PrometheusTextWriterTests {
    @Test("the whole exposition is as it was agreed")
    func golden() throws {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(Snapshots.rich(), into: &bytes)
        try Fixture.expect(bytes, toEqual: "golden-0.0.4.txt")
    }

    @Test("the exposition of a watch that has done nothing yet is valid, and its counters are there as zeros")
    func empty() throws {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(Snapshots.empty(), into: &bytes)
        let families = try PrometheusTextValidator.parse(bytes)
        #expect(families.first { $0.name == "loopwatch_warnings_total" }?.samples.map(\.valueText) == ["0", "0", "0"])
        #expect(!families.contains { $0.name.hasPrefix("loopwatch_loop_") })
        #expect(!families.contains { $0.name.hasPrefix("loopwatch_http_") })
        #expect(!families.contains { $0.name.hasPrefix("process_") })
    }

    @Test("what is in the buffer already stays")
    func appends() {
        var bytes: [UInt8] = [1, 2]
        PrometheusTextWriter.write(Snapshots.empty(), into: &bytes)
        #expect(bytes.prefix(3) == [1, 2, UInt8(ascii: "#")])
    }
}
