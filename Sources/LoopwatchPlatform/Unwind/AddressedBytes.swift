// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Bytes, and the address that the first of them has in the process that they belong to, which need not be where they
/// are now.
///
/// Every read is checked, so that no offset in a damaged table leads outside. Does not own the bytes. Those of another
/// process are copied when they are first read (``PagedMemory``), which belongs to one thread.
package struct AddressedBytes {
    /// Address of the first byte.
    package let address: UInt64
    /// Number of bytes.
    package let count: Int
    let base: UnsafeRawPointer
    /// What copies the bytes of another process; `nil` where they are all here.
    ///
    /// Kept alive by whoever made the bytes.
    let pager: Unmanaged<PagedMemory>?

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
        pager = nil
    }

    /// Describes bytes of another process, which are read as they are needed.
    ///
    /// - Parameter pager: what reads them; must outlive the description.
    package init(_ pager: PagedMemory) {
        base = pager.base
        count = pager.count
        address = pager.address
        self.pager = Unmanaged.passUnretained(pager)
    }

    /// Whether bytes that lie in the range are here, after they were read if need be.
    @inline(__always)
    private func isPresent(_ offset: UInt64, count wanted: Int) -> Bool {
        guard let pager else { return true }
        return pager._withUnsafeGuaranteedRef { $0.isPresent(Int(offset), count: wanted) }
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

    /// Reads an integer in the byte order of this machine, aligned or not; `nil` if it is not here.
    @inline(__always)
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at start: UInt64) -> Value? {
        guard contains(start, count: MemoryLayout<Value>.size),
            isPresent(start &- address, count: MemoryLayout<Value>.size)
        else { return nil }
        return base.loadUnaligned(fromByteOffset: Int(start &- address), as: Value.self)
    }

    /// The bytes from an address to another, or to the end of what is here; `nil` if the first is not here.
    @inline(__always)
    func bytes(from start: UInt64, to end: UInt64 = .max) -> UnsafeRawBufferPointer? {
        guard contains(start) else { return nil }
        let stop = min(end, self.end)
        guard stop >= start, isPresent(start &- address, count: Int(stop &- start)) else { return nil }
        return UnsafeRawBufferPointer(start: base + Int(start &- address), count: Int(stop &- start))
    }

    /// A reader of the bytes from an address to another; `nil` if they are not all here.
    func reader(from start: UInt64, to end: UInt64) -> ByteReader? {
        guard end >= start, end &- start <= UInt64(count), contains(start, count: Int(end &- start)),
            isPresent(start &- address, count: Int(end &- start))
        else { return nil }
        return ByteReader(base: base, address: address, offset: Int(start &- address), limit: Int(end &- address))
    }
}
