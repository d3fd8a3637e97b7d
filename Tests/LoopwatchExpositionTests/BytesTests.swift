// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchExposition

@Suite("Numbers and escapes as bytes")
struct BytesTests {
    /// The text that a closure appends.
    static func text(_ body: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        body(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("whole numbers", arguments: [0, 1, 9, 10, 99, 100, 12_345, 1_000_000_000, .max] as [UInt64])
    func decimal(_ value: UInt64) {
        #expect(Self.text { $0.append(decimal: value) } == String(value))
    }

    @Test("signed numbers", arguments: [0, -1, 1, .min, .max] as [Int64])
    func signed(_ value: Int64) {
        #expect(Self.text { $0.append(decimal: value) } == String(value))
    }

    @Test(
        "seconds of nanoseconds are exact",
        arguments: [
            (0, "0.0"), (1, "0.000000001"), (-1, "-0.000000001"), (1_000_000_000, "1.0"), (12_625_000_000, "12.625"),
            (60_000, "0.00006"), (.max, "9223372036.854775807"), (.min, "-9223372036.854775808"),
            (100_000_000, "0.1"), (1_000_000_001, "1.000000001"),
        ] as [(Int64, String)]
    )
    func seconds(_ nanoseconds: Int64, _ expected: String) {
        #expect(Self.text { $0.append(secondsOfNanoseconds: nanoseconds) } == expected)
    }

    @Test(
        "fractions without a point where there is none",
        arguments: [(1_532_000, "1532"), (312_456, "312.456"), (1, "0.001"), (1_500, "1.5"), (0, "0")]
            as [(Int64, String)]
    )
    func fraction(_ value: Int64, _ expected: String) {
        #expect(Self.text { $0.append(fraction: value, digits: 3) } == expected)
    }

    @Test(
        "floating-point numbers",
        arguments: [
            (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (0, "0.0"), (1_795_369_999.87, "1795369999.87"),
        ] as [(Double, String)]
    )
    func number(_ value: Double, _ expected: String) {
        #expect(Self.text { $0.append(number: value) } == expected)
    }

    @Test("HELP keeps its quotes in the text format and not elsewhere")
    func help() {
        #expect(Self.text { $0.append(helpText: "a \"b\" \\ \n") } == #"a "b" \\ \n"#)
        #expect(Self.text { $0.append(labelValue: "a \"b\" \\ \n") } == #"a \"b\" \\ \n"#)
    }

    @Test(
        "logfmt values are bare where that is unambiguous",
        arguments: [
            ("http-0", "http-0"), ("syscall:futex", "syscall:futex"), ("é", "é"), ("", #""""#), ("a b", #""a b""#),
            ("a=b", #""a=b""#), ("\"", #""\"""#), ("\\", #""\\""#), ("a\nb", #""a\nb""#), ("\r\t", #""\r\t""#),
            ("\u{1B}[2J", #""\u001b[2J""#), ("\0", #""\u0000""#), ("\u{85}", #""\u0085""#), ("\u{2028}", #""\u2028""#),
            ("\u{202E}x", #""\u202ex""#),
        ]
    )
    func logfmt(_ value: String, _ expected: String) {
        #expect(Self.text { $0.append(logfmtValue: value) } == expected)
    }

    @Test("HTML is escaped, and what cannot be shown is replaced")
    func html() {
        let text = Self.text { $0.append(htmlText: "<a href='x'>&\"\u{1B}\0\u{202E}é") }
        #expect(text == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}\u{FFFD}\u{FFFD}é")
    }
}
