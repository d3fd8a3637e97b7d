// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a binary's program headers say of it once it is loaded (System V ABI, chapter 5; 64 bits, little-endian).
struct ELFProgram {
    /// A part of the file that is mapped.
    struct Segment: Equatable {
        /// Address in the process.
        var address: UInt64
        /// Bytes in memory.
        var count: UInt64
        /// Whether it may be read.
        var isReadable: Bool
        /// Whether it may be executed.
        var isExecutable: Bool
    }

    private enum HeaderType {
        static let load: UInt32 = 1
        static let note: UInt32 = 4
        static let unwindTable: UInt32 = 0x6474_e550
    }

    /// What was added to every address of the binary when it was loaded.
    private(set) var bias: UInt64
    /// The parts that are mapped.
    private(set) var segments: [Segment] = []
    /// Address of the unwind table's header.
    private(set) var unwindHeader: UInt64?
    /// The linker's identifier of what it built; empty where there is none.
    private(set) var buildIdentifier: [UInt8] = []

    /// Bytes of a program header.
    private static let headerBytes = 56

    /// Reads the headers of a binary that is loaded at an address; `nil` if what is there is none.
    init?(_ memory: some ReadableMemory, at base: UInt64) {
        guard let headers = Self.headers(memory, at: base) else { return nil }
        let loads = headers.filter { $0.type == HeaderType.load }
        guard let lowest = loads.map(\.address).min() else { return nil }
        bias = base &- (lowest & ~0xfff)
        segments = loads.map {
            Segment(
                address: $0.address &+ bias,
                count: $0.memoryBytes,
                isReadable: $0.flags & 4 != 0,
                isExecutable: $0.flags & 1 != 0
            )
        }
        unwindHeader = headers.first { $0.type == HeaderType.unwindTable }.map { $0.address &+ bias }
        buildIdentifier = Self.buildIdentifier(headers, memory) { $0.address &+ bias }
    }

    /// The build identifier that a file has; empty where there is none.
    static func buildIdentifier(ofFile file: some ReadableMemory) -> [UInt8] {
        guard let headers = headers(file, at: 0) else { return [] }
        return buildIdentifier(headers, file) { $0.offset }
    }

    private struct Header {
        var type: UInt32
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var fileBytes: UInt64
        var memoryBytes: UInt64
    }

    private static func headers(_ memory: some ReadableMemory, at base: UInt64) -> [Header]? {
        guard let start = memory.bytes(at: base, count: 64), start.starts(with: ELFHeader.magic),
            let record = RecordBytes(memory, at: base, count: 64)
        else { return nil }
        let offset = record.word(at: 32)
        let count = Int(record.field(UInt16.self, at: 56))
        guard record.field(UInt16.self, at: 54) == UInt16(headerBytes), count > 0,
            count <= SymbolLimits.programHeaders, offset < 1 << 32,
            let table = RecordBytes(memory, at: base &+ offset, count: count * headerBytes)
        else { return nil }
        return (0..<count).map { index in
            let start = index * headerBytes
            return Header(
                type: table.field(UInt32.self, at: start),
                flags: table.field(UInt32.self, at: start + 4),
                offset: table.word(at: start + 8),
                address: table.word(at: start + 16),
                fileBytes: table.word(at: start + 32),
                memoryBytes: table.word(at: start + 40)
            )
        }
    }

    /// The description of the note that the linker writes (type 3 of `GNU`).
    private static func buildIdentifier(
        _ headers: [Header],
        _ memory: some ReadableMemory,
        place: (Header) -> UInt64
    ) -> [UInt8] {
        for header in headers where header.type == HeaderType.note {
            let count = min(Int(clamping: header.fileBytes), RemoteStackLimits.noteBytes)
            guard let notes = memory.bytes(at: place(header), count: count) else { continue }
            var start = 0
            while start + 12 <= notes.count {
                let (nameBytes, descriptionBytes, type) = notes.withUnsafeBytes { bytes in
                    (
                        Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)),
                        Int(bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)),
                        bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self)
                    )
                }
                let name = start + 12
                let description = name + (nameBytes + 3) & ~3
                guard description + descriptionBytes <= notes.count else { break }
                if type == 3, nameBytes == 4, notes[name..<name + 4].elementsEqual([0x47, 0x4e, 0x55, 0]) {
                    return Array(notes[description..<description + descriptionBytes])
                }
                start = description + (descriptionBytes + 3) & ~3
            }
        }
        return []
    }
}
