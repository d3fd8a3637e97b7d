// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("The validator of OpenMetrics, by which the writer is judged")
struct OpenMetricsValidatorTests {
    /// A case of the OpenMetrics project's own parser tests.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var parses: Bool
        var testDescription: String { name }
    }

    static let cases: [Case] = {
        guard let text = try? Fixture.text("openmetrics-parser-cases.txt") else { return [] }
        return text.split(separator: "\n").filter { !$0.hasPrefix("# ") }.map { line in
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            return Case(name: String(parts[1]), bytes: unescaped(parts[2]), parses: parts[0] == "+")
        }
    }()

    static func unescaped(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                bytes.append(byte == UInt8(ascii: "n") ? 0x0A : byte == UInt8(ascii: "0") ? 0 : byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    @Test("there are all 211 cases of the OpenMetrics project")
    func casesAreThere() {
        #expect(Self.cases.count == 211)
    }

    @Test("it agrees with every case of the OpenMetrics project", arguments: cases)
    func agrees(_ example: Case) {
        do {
            _ = try OpenMetricsValidator.parse(example.bytes, isStrict: false)
            #expect(example.parses, "\(example.name) was accepted")
        } catch {
            #expect(!example.parses, "\(example.name): \(error)")
        }
    }

    @Test(
        "in its strict mode it refuses what the project lets pass",
        arguments: [
            "# TYPE a gauge\n# HELP a x\na 1\na 1\n# EOF\n",
            "# TYPE a gauge\n# HELP a x\na 1\na{b=\"\"} 1\n# EOF\n",
            "# HELP a x\n# TYPE a gauge\na 1\n# EOF\n",
            "a 1\n# EOF\n",
            "# TYPE a gauge\n# HELP a x\na 1\n# EOF",
            "# TYPE a histogram\n# HELP a x\na_bucket{le=\"1.0\"} 1 # {i=\"1\"} 2 3\na_bucket{le=\"+Inf\"} 1\na_sum 1\n"
                + "a_count 1\n# EOF\n",
            "# TYPE a histogram\n# HELP a x\na_bucket{le=\"1.0\"} 1 # {i=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1\n"
                + "a_count 1\n# EOF\n",
            "# TYPE a histogram\n# HELP a x\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        ]
    )
    func strict(_ text: String) {
        #expect(throws: ExpositionFault.self) { try OpenMetricsValidator.parse(Array(text.utf8), isStrict: true) }
    }

    @Test("in its strict mode it takes a good exposition")
    func strictGood() throws {
        let text = """
            # TYPE a_seconds histogram
            # UNIT a_seconds seconds
            # HELP a_seconds x
            a_seconds_bucket{le="1.0"} 1 # {i="1"} 1.0 3.5
            a_seconds_bucket{le="+Inf"} 1
            a_seconds_sum 1
            a_seconds_count 1
            # EOF

            """
        let families = try OpenMetricsValidator.parse(Array(text.utf8), isStrict: true)
        #expect(families.map(\.name) == ["a_seconds"])
        #expect(families.first?.samples.first?.exemplar?.timestamp == 3.5)
    }
}
