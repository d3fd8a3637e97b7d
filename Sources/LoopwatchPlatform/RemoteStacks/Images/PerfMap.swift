// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The names of code that a just-in-time compiler wrote down for `perf`: `/tmp/perf-PID.map`, with lines
/// `START SIZE NAME`, numbers in hexadecimal (tools/perf/Documentation/jit-interface.txt).
struct PerfMap {
    private struct Entry {
        var start: UInt64
        var end: UInt64
        var name: Range<Int>
    }

    private let text: [UInt8]
    private var entries: [Entry] = []

    /// Reads a map; lines of another form are left out.
    init(_ text: [UInt8]) {
        self.text = text
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 10) ?? text.count
            add(start..<end)
            start = end + 1
        }
    }

    private mutating func add(_ line: Range<Int>) {
        guard let first = text[line].firstIndex(of: 32),
            let second = text[(first + 1)..<line.upperBound].firstIndex(of: 32),
            let start = Self.hexadecimal(text[line.lowerBound..<first]),
            let count = Self.hexadecimal(text[(first + 1)..<second]), count > 0,
            !start.addingReportingOverflow(count).overflow, second + 1 < line.upperBound
        else { return }
        entries.append(Entry(start: start, end: start + count, name: second + 1..<line.upperBound))
    }

    /// The name of the code at an address, by the last line that holds it: code is moved, and its place used again.
    func name(at address: UInt64) -> String? {
        guard let entry = entries.last(where: { $0.start <= address && address < $0.end }) else { return nil }
        return boundedText(
            String(decoding: text[entry.name].prefix(SymbolLimits.mangledNameBytes), as: UTF8.self),
            SymbolLimits.functionNameBytes
        )
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
