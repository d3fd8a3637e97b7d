// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Writes the wire format of protocol buffers (protobuf.dev, "Encoding"): as much of it as `profile.proto` needs.
///
/// Fields that have their default value are left out, as proto3 wants it.
struct ProtobufWriter {
    /// What is written so far.
    private(set) var bytes: [UInt8] = []

    /// Appends an unsigned number.
    mutating func append(_ value: UInt64, field: UInt64) {
        guard value != 0 else { return }
        append(varint: field << 3)
        append(varint: value)
    }

    /// Appends a signed number of the type `int64`: a negative one takes ten bytes.
    mutating func append(_ value: Int64, field: UInt64) {
        append(UInt64(bitPattern: value), field: field)
    }

    /// Appends a truth value.
    mutating func append(_ value: Bool, field: UInt64) {
        append(value ? 1 : 0 as UInt64, field: field)
    }

    /// Appends a text; also an empty one, which as an element of a list has a meaning.
    mutating func append(_ value: String, field: UInt64) {
        append(delimited: Array(value.utf8), field: field)
    }

    /// Appends a list of numbers in its packed form.
    mutating func append(packed values: some Sequence<UInt64>, field: UInt64) {
        var packed = ProtobufWriter()
        for value in values { packed.append(varint: value) }
        if !packed.bytes.isEmpty { append(delimited: packed.bytes, field: field) }
    }

    /// Appends a message within this one; also an empty one.
    mutating func append(field: UInt64, _ body: (inout ProtobufWriter) -> Void) {
        var message = ProtobufWriter()
        body(&message)
        append(delimited: message.bytes, field: field)
    }

    /// Appends bytes with their length.
    private mutating func append(delimited value: [UInt8], field: UInt64) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// Appends a number in groups of seven bits, the lowest first.
    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
