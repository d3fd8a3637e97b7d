// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Lines of Python")
struct PythonLinesTests {
    /// `def f(a):` at 10; the entries: no line for 1 unit; +1 line, short columns, 3 units; same line, 2 units; -1 line with
    /// all of it written, 1 unit; only a line (+300), 8 units.
    private static let table: [UInt8] = [
        0xf8, 0xda, 0x04, 0x08, 0x81, 0x12, 0xf0, 0x03, 0x00, 0x01, 0x02, 0xef, 0x58, 0x09,
    ]

    @Test(
        "are found in the table",
        arguments: [
            (-1, 10), (0, nil), (1, 11), (3, 11), (4, 11), (5, 11), (6, 10), (7, 310), (14, 310), (15, 310),
        ] as [(Int, Int?)]
    )
    func lines(instruction: Int, line: Int?) {
        #expect(PythonLines.line(in: Self.table, firstLine: 10, instruction: instruction) == line)
    }

    @Test("an instruction without a line has that of the one before it")
    func without() {
        // +2 lines, 1 unit; no line, 8 units.
        #expect(PythonLines.line(in: [0xe0, 0, 0, 0xff], firstLine: 1, instruction: 5) == 3)
        // +1 line, 1 unit; no line, 8 units; and beyond.
        #expect(PythonLines.line(in: [0xd8, 0, 0, 0xff], firstLine: 1, instruction: 3) == 2)
        #expect(PythonLines.line(in: [0xd8, 0, 0, 0xff], firstLine: 1, instruction: 99) == 2)
    }

    @Test("a table that is not sound has none", arguments: [[0x00], [0xf0, 0x40], [0xd8, 1], [0x80]] as [[UInt8]])
    func unsound(table: [UInt8]) {
        #expect(PythonLines.line(in: table, firstLine: 1, instruction: 40) == nil)
    }

    @Test("any bytes at all end", arguments: 1...20)
    func fuzz(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let table = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            _ = PythonLines.line(
                in: table,
                firstLine: Int.random(in: -5...1 << 31, using: &generator),
                instruction: Int.random(in: -1...1 << 20, using: &generator)
            )
        }
    }
}
