// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads what unwind tables are made of, one value after the other, and never beyond its end.
///
/// The encodings are those of DWARF 5, section 7.6 (LEB128), and of the Linux Standard Base, Core Specification 5.0,
/// section 10.5 (pointer encodings).
struct ByteReader {
    private let base: UnsafeRawPointer
    private let firstAddress: UInt64
    private var offset: Int
    private let limit: Int

    /// Creates a reader.
    init(base: UnsafeRawPointer, address: UInt64, offset: Int, limit: Int) {
        self.base = base
        self.firstAddress = address
        self.offset = offset
        self.limit = limit
    }

    /// Address of the next byte in the process that the bytes belong to.
    @inline(__always)
    var address: UInt64 { firstAddress &+ UInt64(offset) }
    /// Whether all was read.
    @inline(__always)
    var isAtEnd: Bool { offset >= limit }

    /// Reads an integer.
    @inline(__always)
    mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value? {
        guard limit - offset >= MemoryLayout<Value>.size else { return nil }
        defer { offset += MemoryLayout<Value>.size }
        return base.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }

    /// Skips bytes; `nil` if there are not as many.
    @inline(__always)
    mutating func skip(_ count: UInt64) -> Void? {
        guard count <= UInt64(limit - offset) else { return nil }
        offset += Int(count)
        return ()
    }

    /// Reads an unsigned LEB128; bits beyond 64 are lost.
    @inline(__always)
    mutating func unsignedLEB() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < limit {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
            shift &+= 7
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    /// Reads a signed LEB128; bits beyond 64 are lost.
    @inline(__always)
    mutating func signedLEB() -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < limit {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
            shift &+= 7
            if byte & 0x80 == 0 {
                if shift < 64, byte & 0x40 != 0 { value |= UInt64.max << shift }
                return Int64(bitPattern: value)
            }
        }
        return nil
    }

    /// How a pointer is written (DW_EH_PE).
    enum Encoding {
        static let omitted: UInt8 = 0xff
        static let format: UInt8 = 0x0f
        static let application: UInt8 = 0x70
        static let relativeToItself: UInt8 = 0x10
        static let relativeToHeader: UInt8 = 0x30
        static let relativeToHeaderSigned4: UInt8 = 0x3b
        static let relativeToItselfSigned4: UInt8 = 0x1b
    }

    /// Reads a pointer.
    ///
    /// - Parameters:
    ///   - encoding: how it is written; an indirect one is returned as the address of the pointer.
    ///   - header: address that pointers relative to the table header are relative to.
    mutating func pointer(_ encoding: UInt8, header: UInt64? = nil) -> UInt64? {
        let place = address
        let value: UInt64?
        switch encoding & Encoding.format {
        case 0x00, 0x04, 0x0c: value = next(UInt64.self)
        case 0x01: value = unsignedLEB()
        case 0x02: value = next(UInt16.self).map { UInt64($0) }
        case 0x03: value = next(UInt32.self).map { UInt64($0) }
        case 0x09: value = signedLEB().map { UInt64(bitPattern: $0) }
        case 0x0a: value = next(Int16.self).map { UInt64(bitPattern: Int64($0)) }
        case 0x0b: value = next(Int32.self).map { UInt64(bitPattern: Int64($0)) }
        default: value = nil
        }
        guard let value else { return nil }
        switch encoding & Encoding.application {
        case 0: return value
        case Encoding.relativeToItself: return value &+ place
        case Encoding.relativeToHeader: return header.map { value &+ $0 }
        default: return nil
        }
    }
}
