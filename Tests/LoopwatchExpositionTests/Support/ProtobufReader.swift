// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A message in the wire format of protocol buffers, read strictly.
struct ProtobufMessage {
    /// The value of a field.
    enum Value: Equatable {
        case number(UInt64)
        case bytes([UInt8])
    }

    /// The fields, in their order.
    let fields: [(number: UInt64, value: Value)]

    /// Reads a message; only numbers and what has a length are known.
    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        var fields: [(number: UInt64, value: Value)] = []
        while !rest.isEmpty {
            let tag = try Self.number(&rest)
            guard tag >> 3 > 0 else { throw ExpositionFault("field 0") }
            switch tag & 7 {
            case 0: fields.append((tag >> 3, .number(try Self.number(&rest))))
            case 2:
                let length = try Self.number(&rest)
                guard length <= rest.count else { throw ExpositionFault("too short") }
                fields.append((tag >> 3, .bytes(Array(rest.prefix(Int(length))))))
                rest = rest.dropFirst(Int(length))
            default: throw ExpositionFault("wire type \(tag & 7)")
            }
        }
        self.fields = fields
    }

    /// The number of a field that is there at most once; 0 where it is not.
    func number(_ field: UInt64) throws -> UInt64 {
        let values = fields.filter { $0.number == field }
        guard values.count <= 1 else { throw ExpositionFault("field \(field) twice") }
        guard let value = values.first?.value else { return 0 }
        guard case .number(let number) = value else { throw ExpositionFault("field \(field) is no number") }
        return number
    }

    /// The values of a field that have a length.
    func all(_ field: UInt64) throws -> [[UInt8]] {
        try fields.filter { $0.number == field }.map {
            guard case .bytes(let bytes) = $0.value else { throw ExpositionFault("field \(field) has no length") }
            return bytes
        }
    }

    /// The messages of a field.
    func messages(_ field: UInt64) throws -> [ProtobufMessage] {
        try all(field).map { try ProtobufMessage($0) }
    }

    /// The numbers of a packed field.
    func packed(_ field: UInt64) throws -> [UInt64] {
        try all(field).flatMap { bytes in
            var rest = bytes[...]
            var numbers: [UInt64] = []
            while !rest.isEmpty { numbers.append(try Self.number(&rest)) }
            return numbers
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw ExpositionFault("open number") }
            guard shift < 63 || byte <= 1 else { throw ExpositionFault("number too large") }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw ExpositionFault("endless number")
    }
}

/// A profile as pprof sees it, checked as pprof's `CheckValid` does: every number names something.
struct ParsedPprof {
    /// A sample with everything looked up.
    struct Sample: Equatable {
        /// Functions, innermost first.
        var functions: [String]
        /// Files and lines, `file:line`, of the same.
        var places: [String]
        /// Stalls and nanoseconds.
        var values: [Int64]
        /// Labels.
        var labels: [String: String]
    }

    /// The samples.
    var samples: [Sample] = []
    /// Type and unit of the values.
    var sampleTypes: [[String]] = []
    /// File names of the binaries.
    var mappings: [String] = []
    /// Type and unit of the period, the default value and the comments.
    var words: [String] = []
    /// Time, duration and period.
    var numbers: [Int64] = []

    /// Reads a message that is not compressed.
    init(_ bytes: [UInt8]) throws {
        let profile = try ProtobufMessage(bytes)
        let strings = try profile.all(6).map { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
            return text
        }
        guard strings.first == "", Set(strings).count <= strings.count else { throw ExpositionFault("no empty string") }
        func string(_ index: UInt64) throws -> String {
            guard index < strings.count else { throw ExpositionFault("no string \(index)") }
            return strings[Int(index)]
        }
        func type(_ message: ProtobufMessage) throws -> [String] {
            [try string(message.number(1)), try string(message.number(2))]
        }
        sampleTypes = try profile.messages(1).map(type)
        var known: Set<UInt64> = [0]
        for mapping in try profile.messages(3) {
            guard known.insert(try mapping.number(1)).inserted else { throw ExpositionFault("mapping twice or 0") }
            guard try mapping.number(2) <= mapping.number(3) else { throw ExpositionFault("mapping upside down") }
            mappings.append(try string(mapping.number(5)))
        }
        var functions: [UInt64: (name: String, file: String)] = [:]
        for function in try profile.messages(5) {
            let entry = (name: try string(function.number(2)), file: try string(function.number(4)))
            guard try function.number(1) > 0, functions.updateValue(entry, forKey: try function.number(1)) == nil else {
                throw ExpositionFault("function twice or 0")
            }
        }
        var locations: [UInt64: [(name: String, place: String)]] = [:]
        for location in try profile.messages(4) {
            guard known.contains(try location.number(2)) else { throw ExpositionFault("no such mapping") }
            let lines = try location.messages(4).map { line in
                guard let function = functions[try line.number(1)] else { throw ExpositionFault("no such function") }
                let number = Int64(bitPattern: try line.number(2))
                return (name: function.name, place: "\(function.file):\(number)")
            }
            guard try location.number(1) > 0, !lines.isEmpty,
                locations.updateValue(lines, forKey: try location.number(1)) == nil
            else { throw ExpositionFault("location twice, 0 or without a line") }
        }
        for sample in try profile.messages(2) {
            let lines = try sample.packed(1).flatMap { number in
                guard let lines = locations[number] else { throw ExpositionFault("no such location") }
                return lines
            }
            let values = try sample.packed(2).map { Int64(bitPattern: $0) }
            guard values.count == sampleTypes.count, !lines.isEmpty else { throw ExpositionFault("bad sample") }
            var labels: [String: String] = [:]
            for label in try sample.messages(3) { labels[try string(label.number(1))] = try string(label.number(2)) }
            samples.append(
                Sample(functions: lines.map(\.name), places: lines.map(\.place), values: values, labels: labels)
            )
        }
        words = try profile.messages(11).flatMap(type) + [string(profile.number(14))] + profile.packed(13).map(string)
        numbers = try [9, 10, 12].map { Int64(bitPattern: try profile.number($0)) }
    }
}

/// Reads a gzip file of stored blocks, strictly.
enum StoredGzip {
    /// The content, and the checksum that the file says it has.
    static func read(_ file: [UInt8]) throws -> (content: [UInt8], checksum: UInt32) {
        guard file.count >= 18, file[0...3] == [0x1F, 0x8B, 8, 0] else { throw ExpositionFault("no gzip header") }
        func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        var rest = file[10...]
        var content: [UInt8] = []
        var isLast = false
        while !isLast {
            guard let kind = rest.popFirst(), kind <= 1, rest.count >= 4 else { throw ExpositionFault("no block") }
            isLast = kind == 1
            let lengths = number(rest.prefix(4))
            guard lengths & 0xFFFF == ~(lengths >> 16) & 0xFFFF else { throw ExpositionFault("lengths do not agree") }
            rest = rest.dropFirst(4)
            guard rest.count >= Int(lengths & 0xFFFF) else { throw ExpositionFault("block too short") }
            content += rest.prefix(Int(lengths & 0xFFFF))
            rest = rest.dropFirst(Int(lengths & 0xFFFF))
        }
        guard rest.count == 8, number(rest.suffix(4)) == UInt32(truncatingIfNeeded: content.count) else {
            throw ExpositionFault("bad trailer")
        }
        return (content, number(rest.prefix(4)))
    }
}
