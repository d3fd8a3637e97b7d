// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The tables of a pprof profile, each of whose rows is written once and named by its number.
struct PprofTables {
    /// A function; two of the same name in two files are two.
    struct Function: Hashable {
        var name: UInt64
        var file: UInt64
    }

    /// A line of a function.
    struct Line: Hashable {
        var function: UInt64
        var line: Int64
    }

    /// A place in the code: one address, and the lines it stands for, of inlined functions first.
    struct Location: Hashable {
        var mapping: UInt64
        var address: UInt64
        var lines: [Line]
    }

    /// A binary, and the range of addresses that it was seen at.
    struct Mapping {
        var file: UInt64
        var start: UInt64
        var limit: UInt64
    }

    private(set) var strings = Table<String>()
    private(set) var functions = Table<Function>()
    private(set) var locations = Table<Location>()
    private(set) var mappings: [Mapping] = []
    private var mappingNumbers: [String: UInt64] = [:]

    /// Creates tables whose first string is the empty one, as the format wants it.
    init() {
        _ = string("")
    }

    /// The number of a string, from 0.
    mutating func string(_ text: String) -> UInt64 { strings.number(of: text) }

    /// The numbers of a stack's locations, from 1, innermost first.
    mutating func locations(of frames: [StackFrame]) -> [UInt64] {
        var numbers: [UInt64] = []
        var index = frames.startIndex
        while index < frames.endIndex {
            // What was inlined into a function and the function are one place.
            var end = index + 1
            while end < frames.endIndex, frames[end].link == .inlined { end += 1 }
            let place = frames[index..<end]
            let location = Location(
                mapping: mapping(of: frames[index]),
                address: frames[index].address,
                lines: place.map { line(of: $0) }
            )
            numbers.append(locations.number(of: location) + 1)
            index = end
        }
        return numbers
    }

    /// The number of a location that is only a name.
    mutating func location(named name: String) -> UInt64 {
        let function = functions.number(of: Function(name: string(name), file: 0)) + 1
        return locations.number(of: Location(mapping: 0, address: 0, lines: [Line(function: function, line: 0)])) + 1
    }

    /// Gives a frame's binary its number, if it has none yet: readers take the first for the program.
    mutating func addMapping(of frame: StackFrame) { _ = mapping(of: frame) }

    private mutating func line(of frame: StackFrame) -> Line {
        let file = frame.file.map { string($0.clippedAtStart(toBytes: Limits.nameBytesInStack)) } ?? 0
        let function = Function(name: string(ProfileName.of(frame)), file: file)
        return Line(function: functions.number(of: function) + 1, line: Int64(frame.line ?? 0))
    }

    /// The number of a frame's binary, from 1; 0 where the frame has none.
    private mutating func mapping(of frame: StackFrame) -> UInt64 {
        guard !frame.module.isEmpty else { return 0 }
        let module = frame.module.clipped(toBytes: Limits.nameBytesInStack)
        let start = frame.address >= frame.moduleOffset ? frame.address - frame.moduleOffset : frame.address
        let limit = frame.address == .max ? .max : frame.address + 1
        if let number = mappingNumbers[module] {
            let index = Int(number) - 1
            mappings[index].start = min(mappings[index].start, start)
            mappings[index].limit = max(mappings[index].limit, limit)
            return number
        }
        mappings.append(Mapping(file: string(module), start: start, limit: limit))
        let number = UInt64(mappings.count)
        mappingNumbers[module] = number
        return number
    }

    /// Rows in the order in which they were first needed.
    struct Table<Row: Hashable> {
        private(set) var rows: [Row] = []
        private var numbers: [Row: UInt64] = [:]

        /// The number of a row, from 0; a new one is added.
        mutating func number(of row: Row) -> UInt64 {
            if let number = numbers[row] { return number }
            let number = UInt64(rows.count)
            rows.append(row)
            numbers[row] = number
            return number
        }
    }
}
