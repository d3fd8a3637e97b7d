// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Bytes that can be read by address and may not be there: another process's memory, a file, a test's image.
///
/// Whatever reads them must take every value for garbage. Belongs to one thread.
package protocol ReadableMemory {
    /// Copies bytes; returns how many there were from the address on, 0 if none.
    func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int
    /// Copies several pieces one after the other, as close to each other in time as can be; `nil` unless all are there.
    func gather(_ pieces: [MemoryPiece]) -> [UInt8]?
}

/// A piece of memory.
package struct MemoryPiece: Equatable {
    /// Address of its first byte.
    var address: UInt64
    /// Number of bytes.
    var count: Int
}

extension ReadableMemory {
    package func gather(_ pieces: [MemoryPiece]) -> [UInt8]? {
        var all: [UInt8] = []
        for piece in pieces {
            guard let bytes = bytes(at: piece.address, count: piece.count) else { return nil }
            all += bytes
        }
        return all
    }

    /// An integer in the byte order of this machine, aligned or not; `nil` if it is not there as a whole.
    package func integer<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at address: UInt64) -> Value? {
        var value: Value = 0
        let count = withUnsafeMutableBytes(of: &value) { read(at: address, into: $0) }
        return count == MemoryLayout<Value>.size ? value : nil
    }

    /// A word of 8 bytes.
    package func word(at address: UInt64) -> UInt64? { integer(UInt64.self, at: address) }

    /// All of the bytes, or none.
    package func bytes(at address: UInt64, count: Int) -> [UInt8]? {
        guard count > 0 else { return count == 0 ? [] : nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            done = read(at: address, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return bytes.count == count ? bytes : nil
    }

    /// As many words as asked for, or none.
    package func words(at address: UInt64, count: Int) -> [UInt64]? {
        guard count > 0 else { return nil }
        let words = [UInt64](unsafeUninitializedCapacity: count) { buffer, done in
            done = read(at: address, into: UnsafeMutableRawBufferPointer(buffer)) / 8
        }
        return words.count == count ? words : nil
    }

    /// Text up to a zero byte, cut to a number of bytes; `nil` if its first byte is not there.
    package func zeroEndedText(at address: UInt64, bytesMost: Int) -> String? {
        let bytes = [UInt8](unsafeUninitializedCapacity: bytesMost) { buffer, done in
            done = read(at: address, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return bytes.isEmpty ? nil : String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// A word or a smaller integer within bytes that were read at once.
struct RecordBytes: Equatable {
    private let bytes: ArraySlice<UInt8>

    /// Reads a record; `nil` if it is not there as a whole.
    init?(_ memory: some ReadableMemory, at address: UInt64, count: Int) {
        guard let bytes = memory.bytes(at: address, count: count) else { return nil }
        self.bytes = bytes[...]
    }

    /// A record among bytes that were read before.
    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// A field; 0 if it lies beyond the record.
    func field<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= bytes.count else { return 0 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }

    /// A field of 8 bytes.
    func word(at offset: Int) -> UInt64 { field(UInt64.self, at: offset) }
}
