// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Bytes, and the address that the first of them has in the process that they belong to, which need not be where they
/// are now.
///
/// Every read is checked, so that no offset in a damaged table leads outside. Does not own the bytes.
///
/// Where they are a copy of what may go, or is another process's (``SegmentCopy``), pieces are copied when they are first
/// read; what has gone by then is not here. Then it belongs to one thread.
package struct AddressedBytes {
    /// Address of the first byte.
    package let address: UInt64
    /// Number of bytes.
    package let count: Int
    let base: UnsafeRawPointer
    /// What copies them; `nil` where they are all here.
    let pieces: SegmentCopy.Pieces?

    /// Describes bytes.
    ///
    /// - Parameters:
    ///   - bytes: the bytes, which must stay where they are for as long as they are described.
    ///   - address: the address that the first of them has in its process; the bytes must not reach beyond the end of
    ///     the address space.
    package init?(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
        guard let base = bytes.baseAddress, !address.addingReportingOverflow(UInt64(bytes.count)).overflow else {
            return nil
        }
        self.base = base
        self.count = bytes.count
        self.address = address
        pieces = nil
    }

    /// Describes a copy, which must outlive what is made of it.
    package init(_ copy: SegmentCopy) {
        base = UnsafeRawPointer(copy.buffer)
        count = copy.count
        address = copy.address
        pieces = copy.pieces
    }

    /// Address one past the last byte.
    @inline(__always)
    package var end: UInt64 { address &+ UInt64(count) }

    /// Whether all of the bytes from an address are here.
    @inline(__always)
    func contains(_ start: UInt64, count wanted: Int = 1) -> Bool {
        let offset = start &- address
        return start >= address && offset <= UInt64(count) && UInt64(wanted) <= UInt64(count) &- offset
    }

    /// Whether bytes that are within can be read, here and now.
    @inline(__always)
    private func holds(_ start: UInt64, count wanted: Int) -> Bool {
        guard let pieces else { return true }
        return pieces.hold(Int(start &- address), count: wanted)
    }

    /// Reads an integer in the byte order of this machine, aligned or not; `nil` if it is not here.
    @inline(__always)
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at start: UInt64) -> Value? {
        let size = MemoryLayout<Value>.size
        guard contains(start, count: size), holds(start, count: size) else { return nil }
        return base.loadUnaligned(fromByteOffset: Int(start &- address), as: Value.self)
    }

    /// The bytes from an address to another, or to the end of what is here; `nil` if the first is not here.
    @inline(__always)
    func bytes(from start: UInt64, to end: UInt64 = .max) -> UnsafeRawBufferPointer? {
        guard contains(start) else { return nil }
        let stop = min(end, self.end)
        guard stop >= start, holds(start, count: Int(stop &- start)) else { return nil }
        return UnsafeRawBufferPointer(start: base + Int(start &- address), count: Int(stop &- start))
    }

    /// A reader of the bytes from an address to another; `nil` if they are not all here.
    func reader(from start: UInt64, to end: UInt64) -> ByteReader? {
        guard end >= start, end &- start <= UInt64(count), contains(start, count: Int(end &- start)),
            holds(start, count: Int(end &- start))
        else { return nil }
        return ByteReader(base: base, address: address, offset: Int(start &- address), limit: Int(end &- address))
    }

    /// A reader of the bytes from an address, of so many or as many as there are; `nil` if the first is not here.
    func reader(from start: UInt64, atMost wanted: UInt64) -> ByteReader? {
        guard contains(start) else { return nil }
        return reader(from: start, to: start &+ min(wanted, end &- start))
    }
}
