// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// A copy of a segment that dlclose(3) may unmap at any moment, made piece by piece as it is read.
///
/// The kernel copies, and says so where nothing is mapped any more, where a load would crash. Pieces that are never read cost
/// address space, and no memory. Belongs to one thread.
final class SegmentCopy {
    /// Address of the segment's first byte.
    let address: UInt64
    /// Bytes of the segment.
    let count: Int
    /// The copy.
    let buffer: UnsafeMutableRawPointer
    /// Which pieces of it are there.
    let pieces: Pieces

    /// Prepares a copy; `nil` where there is no address space for it.
    init?(of address: UInt64, count: Int) {
        guard count > 0, !address.addingReportingOverflow(UInt64(count)).overflow else { return nil }
        let access = PROT_READ | PROT_WRITE
        let mapped = mmap(nil, count, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        buffer = mapped
        self.address = address
        self.count = count
        pieces = Pieces(address: address, buffer: mapped, count: count)
    }

    deinit {
        pieces.deallocate()
        munmap(buffer, count)
    }

    /// Whether a word of the segment is at an address.
    func holds(_ wanted: UInt64) -> Bool { wanted >= address && wanted - address < UInt64(count) }

    /// Which pieces are there; does not own what it points to.
    struct Pieces {
        private let address: UInt64
        private let buffer: UnsafeMutableRawPointer
        private let count: Int
        private let areThere: UnsafeMutablePointer<Bool>

        fileprivate init(address: UInt64, buffer: UnsafeMutableRawPointer, count: Int) {
            self.address = address
            self.buffer = buffer
            self.count = count
            let number = (count - 1) / UnwindLimits.copiedPieceBytes + 1
            areThere = .allocate(capacity: number)
            areThere.initialize(repeating: false, count: number)
        }

        fileprivate func deallocate() { areThere.deallocate() }

        /// Whether bytes of the segment are there, or can be copied now; they must be within.
        @inline(__always)
        func hold(_ offset: Int, count wanted: Int) -> Bool {
            guard wanted > 0 else { return true }
            var number = offset / UnwindLimits.copiedPieceBytes
            let last = (offset + wanted - 1) / UnwindLimits.copiedPieceBytes
            while number <= last {
                guard areThere[number] || copy(number) else { return false }
                number += 1
            }
            return true
        }

        @inline(never)
        private func copy(_ number: Int) -> Bool {
            let offset = number * UnwindLimits.copiedPieceBytes
            let size = min(UnwindLimits.copiedPieceBytes, count - offset)
            areThere[number] = lw_read_memory(UInt(address) + UInt(offset), buffer + offset, size) == size
            return areThere[number]
        }
    }
}
