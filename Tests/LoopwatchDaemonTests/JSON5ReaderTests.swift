// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchDaemon

@Suite("JSON5")
struct JSON5ReaderTests {
    /// The value without its places, for comparing.
    private static func plain(_ value: JSON5Value) -> String {
        switch value.content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let text): text
        case .string(let text): "'\(text)'"
        case .array(let values): "[" + values.map(plain).joined(separator: ",") + "]"
        case .object(let members): "{" + members.map { "\($0.key):\(plain($0.value))" }.joined(separator: ",") + "}"
        }
    }

    @Test(
        "everything that the format allows",
        arguments: [
            ("null", "null"), (" true // yes", "true"), ("/* no */ false", "false"), ("\u{FEFF}1", "1"),
            ("[]", "[]"), ("[1,]", "[1]"), ("[1, 'a', \"b\"]", "[1,'a','b']"), ("{}", "{}"),
            ("{a: 1, 'b': 2, \"c\": 3, $d_1: 4, \u{E4}: 5,}", "{a:1,b:2,c:3,$d_1:4,\u{E4}:5}"),
            ("{null: null, true: true}", "{null:null,true:true}"),
            (
                "[0, -0, +1, .5, 5., 1e3, 1.5E-3, 0x1F, -0Xff, Infinity, -Infinity, NaN]",
                "[0,-0,+1,.5,5.,1e3,1.5E-3,0x1F,-0Xff,Infinity,-Infinity,NaN]"
            ),
            (#"'it\'s \x41\u0042\n\0 \q'"#, "'it's AB\n\0 q'"), (#""\uD83D\uDE00""#, "'\u{1F600}'"),
            ("'one \\\ntwo \\\r\nthree'", "'one two three'"), (#"{\u0061b: 1}"#, "{ab:1}"),
            ("{a: {b: [{c: 1}]}}", "{a:{b:[{c:1}]}}"),
        ]
    )
    func valid(text: String, plain: String) throws {
        #expect(Self.plain(try JSON5Reader.read(text)) == plain)
    }

    @Test(
        "what is wrong is told with its line and column",
        arguments: [
            ("", 1, 1, "expected a value; found the end of the file"),
            ("{\n  a: 1\n  b: 2\n}", 3, 3, "expected , or }; found 'b'"),
            ("{a 1}", 1, 4, "expected : after the key 'a'; found '1'"),
            ("{a: }", 1, 5, "expected a value; found '}'"),
            ("{,}", 1, 2, "expected a key or }; found ','"),
            ("[1 2]", 1, 4, "expected , or ]; found '2'"), ("[,]", 1, 2, "expected a value; found ','"),
            ("{a: [1, 2", 1, 5, "the list that begins here has no end; expected ]"),
            ("\n\n {a: 1", 3, 2, "the object that begins here has no end; expected }"),
            ("1 2", 1, 3, "expected the end of the file after the value; found '2'"),
            ("{a: yes}", 1, 5, "'yes' is no value; a text needs quotes: \"yes\""),
            (
                "{a: 10ms}", 1, 7,
                "expected the end of the number; a duration needs quotes, such as \"100ms\"; found 'm'"
            ),
            ("010", 1, 4, "a number must not begin with 0; found the end of the file"),
            ("'abc", 1, 1, "the string that begins here has no end"),
            ("'a\nb'", 1, 1, "the string that begins here has no end on its line"),
            ("/* abc", 1, 1, "the comment that begins here has no end; expected */"),
            (#"'\u12G4'"#, 1, 6, "expected a hexadecimal digit; found 'G'"),
            (#"'\uD800'"#, 1, 4, "half of a surrogate pair stands for no character"),
            ("0x", 1, 3, "expected a hexadecimal digit; found the end of the file"),
            ("1e", 1, 3, "expected a digit of the exponent; found the end of the file"),
            (".", 1, 2, "expected a digit; found the end of the file"),
            ("\r\n\u{1}", 2, 1, #"expected a value; found '\u{01}'"#),
        ]
    )
    func invalid(text: String, line: Int, column: Int, message: String) {
        #expect(throws: JSON5Reader.Problem(position: TextPosition(line: line, column: column), message: message)) {
            try JSON5Reader.read(text)
        }
    }

    @Test("nesting has an end")
    func deep() throws {
        let most = JSON5Reader.depthMost
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try JSON5Reader.read(nested(most)) }
        #expect(throws: JSON5Reader.Problem.self) { try JSON5Reader.read(nested(most + 1)) }
        #expect(throws: JSON5Reader.Problem.self) { try JSON5Reader.read(String(repeating: "{a:", count: 100_000)) }
    }

    @Test("places count characters, and lines however they end")
    func places() throws {
        let value = try JSON5Reader.read("{\r\n  \u{E4}: 1,\r  b: [\n 2]}")
        guard case .object(let members) = value.content, case .array(let values) = members[1].value.content else {
            Issue.record("\(value)")
            return
        }
        #expect(members[0].position == TextPosition(line: 2, column: 3))
        #expect(members[0].value.position == TextPosition(line: 2, column: 6))
        #expect(members[1].position == TextPosition(line: 3, column: 3))
        #expect(values[0].position == TextPosition(line: 4, column: 2))
    }
}
