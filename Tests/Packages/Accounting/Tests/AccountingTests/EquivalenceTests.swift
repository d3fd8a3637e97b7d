// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

extension Accounting {
    @Suite("A host that is accounted", .serialized, .timeLimit(.minutes(10)))
    struct EquivalenceTests {
        /// What hosts observe of themselves without Loopwatch.
        private static let plain = Plain()

        @Test(
            "observes of itself what it observes without Loopwatch",
            arguments: [
                // The control: what differs here differs by itself.
                ("accounting-host", "off"), ("accounting-host", "exact"), ("accounting-host", "runs"),
                // Started and stopped all the time.
                ("accounting-host", "cycles"), ("accounting-async-host", "exact"),
            ]
        )
        func observesTheSame(host: String, mode: String) async throws {
            let plain = try await Self.plain.observed(by: host)
            let accounted = try await Observed(host, mode)
            #expect(plain.same.count >= 60, "little is compared: \(plain.same.count) lines")
            try #require(accounted.same.map(\.name) == plain.same.map(\.name))
            for (left, right) in zip(plain.same, accounted.same) {
                #expect(left.value == right.value, "\(left.name), without and with accounting (\(mode))")
            }
            try #require(accounted.bounded.map(\.name) == plain.bounded.map(\.name))
            #expect(plain.bounded.count >= 10)
            for (left, right) in zip(plain.bounded, accounted.bounded) {
                print("\(mode): \(left.name): \(left.value) without, \(right.value) with")
                #expect(right.bounds.contains(right.value), "\(right.name)")
            }
            switch mode {
            case "off": break
            case "cycles":
                let count = try #require(
                    accounted.notes.first { $0.contains("watches that accounted") }?.split(separator: " ").last
                )
                #expect(try #require(Int(count)) >= 5, "\(accounted.notes)")
            default: #expect(accounted.notes.contains("# accounted: \(mode)"), "\(accounted.notes)")
            }
        }
    }
}

/// What was observed without, once for each host.
private actor Plain {
    private var known: [String: Observed] = [:]

    func observed(by host: String) async throws -> Observed {
        if let found = known[host] { return found }
        let observed = try await Observed(host, "off")
        known[host] = observed
        return observed
    }
}

/// The lines that a host prints.
private struct Observed {
    /// Lines that must be the same.
    var same: [(name: String, value: String)] = []
    /// Lines that must lie within bounds.
    var bounded: [(name: String, value: Double, bounds: ClosedRange<Double>)] = []
    /// Other lines.
    var notes: [String] = []

    init(_ host: String, _ mode: String) async throws {
        let child = try await ChildProcess.host(host, ["observe", mode])
        try #require(child.status == 0, "\(host) \(mode) ended with \(child.status): \(child.output)")
        for line in child.lines {
            let parts = line.dropFirst(2).split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
            if line.hasPrefix("= "), parts.count == 2 {
                same.append((String(parts[0]), String(parts[1])))
            } else if line.hasPrefix("~ "), parts.count == 2 {
                let words = parts[1].split(separator: " ")
                let edges = try #require(words.last).split(separator: "...").compactMap { Double($0) }
                try #require(edges.count == 2, "\(line)")
                let value = try #require(Double(words[0]))
                bounded.append((String(parts[0]), value, edges[0]...edges[1]))
            } else if !line.hasPrefix("loopwatch:") {
                notes.append(String(line))
            }
        }
    }
}
