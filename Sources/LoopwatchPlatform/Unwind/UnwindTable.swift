// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The unwind table of a module: a sorted index (`.eh_frame_hdr`), and the frame descriptions that it points to
/// (`.eh_frame`).
///
/// Format: Linux Standard Base, Core Specification 5.0, section 10.6. Only the form that linkers write is understood: an
/// index of pairs of 4-byte offsets from the header.
package struct UnwindTable {
    /// The segment that holds the index and the descriptions.
    let bytes: AddressedBytes
    /// Address of the header, which the index follows.
    let header: UInt64
    private let entries: UInt64
    private let entryCount: Int

    /// Reads the header of a table.
    ///
    /// - Parameters:
    ///   - bytes: the segment that holds the table and, as linkers lay it out, the descriptions.
    ///   - header: address of the table.
    /// - Returns: `nil` if the header is not of the known form, or the index is not all there.
    package init?(_ bytes: AddressedBytes, header: UInt64) {
        guard var reader = bytes.reader(from: header, atMost: UnwindLimits.tableHeaderBytesMost),
            reader.next(UInt8.self) == 1,
            let framesEncoding = reader.next(UInt8.self), let countEncoding = reader.next(UInt8.self),
            reader.next(UInt8.self) == ByteReader.Encoding.relativeToHeaderSigned4,
            framesEncoding != ByteReader.Encoding.omitted, countEncoding != ByteReader.Encoding.omitted,
            reader.pointer(framesEncoding, header: header) != nil,
            let count = reader.pointer(countEncoding, header: header), count > 0,
            count <= UInt64(bytes.count) / 8,
            bytes.contains(reader.address, count: Int(count) * 8)
        else { return nil }
        self.bytes = bytes
        self.header = header
        entries = reader.address
        entryCount = Int(count)
    }

    /// Number of the last entry that begins at or before an address; `nil` if all begin after it.
    private func index(at address: UInt64) -> Int? {
        let distance = Int64(bitPattern: address &- header)
        var low = 0
        var high = entryCount
        while low < high {
            let middle = (low + high) / 2
            // The whole index was found to be there.
            let start = bytes.load(Int32.self, at: entries &+ UInt64(middle * 8)) ?? 0
            if Int64(start) <= distance { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    private func start(of index: Int) -> UInt64? {
        bytes.load(Int32.self, at: entries &+ UInt64(index * 8)).map { header &+ UInt64(bitPattern: Int64($0)) }
    }

    private func description(of index: Int) -> FrameDescription? {
        descriptionAddress(of: index).flatMap { FrameDescription(bytes, at: $0) }
    }

    private func descriptionAddress(of index: Int) -> UInt64? {
        bytes.load(Int32.self, at: entries &+ UInt64(index * 8) &+ 4).map { header &+ UInt64(bitPattern: Int64($0)) }
    }

    /// Address of the last description that begins at or before an address.
    func descriptionAddress(at address: UInt64) -> UInt64? { index(at: address).flatMap(descriptionAddress(of:)) }

    /// The description of the function that holds an address; `nil` if it has none.
    package func description(at address: UInt64) -> FrameDescription? {
        guard let index = index(at: address), let description = description(of: index),
            description.contains(address)
        else { return nil }
        return description
    }

    /// The space between the functions around an address, for one that no description holds.
    ///
    /// - Returns: the end of the function before, and the start of the one after; 0 and the highest address where there is
    ///   none.
    func gap(around address: UInt64) -> (start: UInt64, end: UInt64) {
        let before = index(at: address)
        let after = before.map { $0 + 1 } ?? 0
        let gapEnd = after < entryCount ? start(of: after) : nil
        return (before.flatMap(description(of:))?.end ?? 0, gapEnd ?? .max)
    }
}
