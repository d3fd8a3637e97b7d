// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("The validator of the text format, by which the writer is judged")
struct PrometheusTextValidatorTests {
    static let histogram = "# HELP h x\n# TYPE h histogram\n"

    @Test(
        "it refuses what is no text format, and what no good exposition has",
        arguments: [
            "# HELP a x\n# TYPE a gauge\na 1", "# HELP a x\n# TYPE a gauge\na 1\n\n", "\n",
            "# HELP a x\n# TYPE a gauge\na  1\n", "# HELP a x\n# TYPE a gauge\n a 1\n",
            "# HELP a x\n# TYPE a gauge\na 1 \n", "# HELP a x\n# TYPE a gauge\na 1\r\n",
            "# HELP a x\n# TYPE a gauge\na 0x1\n", "# HELP a x\n# TYPE a gauge\na 1_0\n",
            "# HELP a x\n# TYPE a gauge\na 1\na 2\n", "# HELP a x\n# TYPE a gauge\na 1\na{b=\"\"} 2\n",
            "# HELP a x\n# TYPE a gauge\na{b=\"\\d\"} 2\n", "# HELP a x\n# TYPE a gauge\na{b=\"c\",b=\"d\"} 2\n",
            "# HELP a x\n# TYPE a gauge\na{b=\"c\",} 2\n", "# HELP a x\n# TYPE a gauge\na{b=\"c\nd\"} 2\n",
            "# HELP a x\n# TYPE a gauge\na 1 # {b=\"c\"} 1\n", "# HELP a x\n# TYPE a info\na 1\n",
            "# HELP a x\n# TYPE a gauge\n", "# TYPE a gauge\na 1\n", "a 1\n", "# hello\n", "# EOF\n",
            "# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n# TYPE a gauge\na{b=\"c\"} 1\n",
            "# HELP a x\n# TYPE a gauge\nb 1\n", "# HELP a x\n# TYPE b gauge\nb 1\n",
            "# HELP a \\x\n# TYPE a gauge\na 1\n", "# HELP a x\n# TYPE a counter\na -1\n",
            "# HELP a x\n# TYPE a counter\na NaN\n", "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\nb 1\n",
            histogram + "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n",
            histogram + "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
            histogram + "h_bucket{le=\"2.0\"} 0\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
            histogram + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", histogram + "h_bucket{le=\"+Inf\"} 1\n",
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: ExpositionFault.self) { try PrometheusTextValidator.parse(Array(text.utf8)) }
    }

    @Test("it refuses bytes that are no UTF-8")
    func refusesBadEncoding() {
        let bytes = Array("# HELP a x\n# TYPE a gauge\na{b=\"".utf8) + [0xFF] + Array("\"} 1\n".utf8)
        #expect(throws: ExpositionFault.self) { try PrometheusTextValidator.parse(bytes) }
    }

    @Test("it takes good expositions and undoes the escapes")
    func accepts() throws {
        let text =
            "# HELP a one \\\\ two \\n \"three\"\n# TYPE a gauge\na{b=\"\\\\ \\\" \\n \0 # EOF\"} +Inf\n"
            + Self.histogram + "h_bucket{c=\"d\",le=\"1.0\"} 1\nh_bucket{c=\"d\",le=\"+Inf\"} 2\n"
            + "h_sum{c=\"d\"} 1.5\nh_count{c=\"d\"} 2\n"
        let families = try PrometheusTextValidator.parse(Array(text.utf8))
        #expect(families.map(\.name) == ["a", "h"])
        #expect(families.first?.help == "one \\ two \n \"three\"")
        #expect(families.first?.samples.first?.labels == ["b": "\\ \" \n \0 # EOF"])
        #expect(families.first?.samples.first?.value == .infinity)
    }
}
