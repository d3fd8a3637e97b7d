// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// A copy of a range of memory, made piece by piece as it is read: of a segment of this process that dlclose(3) may unmap at
/// any moment, or of another process.
///
/// The kernel copies, and says so where nothing is mapped any more, where a load would crash. Pieces that are never read cost
/// address space, and no memory: of a binary of 100 MB some dozen are ever needed.
///
/// Another process's binaries are read from its memory and not from their files: that needs no way into its mount namespace,
/// cannot end in SIGBUS where a file was truncated, and is right for a file that was deleted, and for the vDSO.
///
/// Belongs to one thread.
package final class SegmentCopy {
    /// How many bytes several copies may take together; belongs to one thread.
    package final class Budget {
        fileprivate let bytesLeft: UnsafeMutablePointer<Int>

        /// Creates a budget.
        package init(bytes: Int) {
            bytesLeft = .allocate(capacity: 1)
            bytesLeft.initialize(to: bytes)
        }

        deinit { bytesLeft.deallocate() }
    }

    /// Address of the range's first byte.
    package let address: UInt64
    /// Bytes of the range.
    package let count: Int
    /// The copy.
    let buffer: UnsafeMutableRawPointer
    /// Which pieces of it are there.
    let pieces: Pieces
    // Kept alive for the pieces, which point to it.
    private let budget: Budget?

    /// Prepares a copy; reads nothing yet.
    ///
    /// - Parameters:
    ///   - address: address of the first byte.
    ///   - count: number of bytes.
    ///   - process: the process that they belong to; 0 for this one.
    ///   - budget: what the copy counts against; `nil` for no bound but its size.
    /// - Returns: `nil` if the range is empty or goes beyond the address space, or there is no address space for it here.
    package init?(of address: UInt64, count: Int, process: Int32 = 0, budget: Budget? = nil) {
        guard count > 0, !address.addingReportingOverflow(UInt64(count)).overflow else { return nil }
        let access = PROT_READ | PROT_WRITE
        let mapped = mmap(nil, count, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        buffer = mapped
        self.address = address
        self.count = count
        self.budget = budget
        pieces = Pieces(
            address: address,
            count: count,
            buffer: mapped,
            process: process,
            bytesLeft: budget?.bytesLeft
        )
    }

    deinit {
        pieces.deallocate()
        munmap(buffer, count)
    }

    /// Forgets what was copied: what is there may be another by now.
    ///
    /// - Returns: whether anything was copied.
    package func forget() -> Bool {
        guard pieces.forget() else { return false }
        madvise(buffer, count, MADV_DONTNEED)
        return true
    }

    /// Which pieces are there; does not own what it points to.
    ///
    /// Pointers and no references, because every read of the unwinder goes through it.
    struct Pieces {
        private enum State {
            static let unread: UInt8 = 0
            static let copied: UInt8 = 1
            static let missing: UInt8 = 2
        }

        private struct Description {
            let address: UInt64
            let count: Int
            let buffer: UnsafeMutableRawPointer
            let process: Int32
            let bytesLeft: UnsafeMutablePointer<Int>?
            /// Whether anything is known of any piece.
            var isAnyKnown = false
        }

        private let description: UnsafeMutablePointer<Description>
        private let states: UnsafeMutablePointer<UInt8>

        fileprivate init(
            address: UInt64,
            count: Int,
            buffer: UnsafeMutableRawPointer,
            process: Int32,
            bytesLeft: UnsafeMutablePointer<Int>?
        ) {
            description = .allocate(capacity: 1)
            description.initialize(
                to: Description(
                    address: address,
                    count: count,
                    buffer: buffer,
                    process: process,
                    bytesLeft: bytesLeft
                )
            )
            let number = Self.number(ofBytes: count)
            states = .allocate(capacity: number)
            states.initialize(repeating: State.unread, count: number)
        }

        private static func number(ofBytes count: Int) -> Int { (count - 1) / UnwindLimits.copiedPieceBytes + 1 }

        fileprivate func deallocate() {
            _ = forget()
            states.deallocate()
            description.deallocate()
        }

        fileprivate func forget() -> Bool {
            guard description.pointee.isAnyKnown else { return false }
            description.pointee.isAnyKnown = false
            let number = Self.number(ofBytes: description.pointee.count)
            if let bytesLeft = description.pointee.bytesLeft {
                let copied = UnsafeBufferPointer(start: states, count: number).lazy.filter { $0 == State.copied }.count
                bytesLeft.pointee += copied * UnwindLimits.copiedPieceBytes
            }
            states.update(repeating: State.unread, count: number)
            return true
        }

        /// Whether it is memory of another process.
        var isRemote: Bool { description.pointee.process != 0 }

        /// Whether bytes of the range are there, or can be copied now; they must be within.
        @inline(__always)
        func hold(_ offset: Int, count wanted: Int) -> Bool {
            guard wanted > 0 else { return true }
            var number = offset / UnwindLimits.copiedPieceBytes
            let last = (offset + wanted - 1) / UnwindLimits.copiedPieceBytes
            while number <= last {
                guard states[number] == State.copied || copy(number) else { return false }
                number += 1
            }
            return true
        }

        @inline(never)
        private func copy(_ number: Int) -> Bool {
            // What was missing is not asked for again: it would have to be another module's, which is in another copy.
            guard states[number] == State.unread else { return false }
            let bytesLeft = description.pointee.bytesLeft
            guard bytesLeft == nil || bytesLeft!.pointee >= UnwindLimits.copiedPieceBytes else { return false }
            let offset = number * UnwindLimits.copiedPieceBytes
            let size = min(UnwindLimits.copiedPieceBytes, description.pointee.count - offset)
            let destination = description.pointee.buffer + offset
            let isCopied = read(description.pointee.address + UInt64(offset), into: destination, count: size)
            description.pointee.isAnyKnown = true
            states[number] = isCopied ? State.copied : State.missing
            if isCopied, let bytesLeft { bytesLeft.pointee -= UnwindLimits.copiedPieceBytes }
            return isCopied
        }

        private func read(_ place: UInt64, into destination: UnsafeMutableRawPointer, count: Int) -> Bool {
            let process = description.pointee.process
            if process != 0 { return lw_read_process_memory(process, place, destination, count) == count }
            return lw_read_memory(UInt(place), destination, count) == count
        }

        /// The word at an address as it is now, and not as it was when a piece was copied; `nil` if it cannot be read.
        func presentWord(at place: UInt64) -> UInt64? {
            var word: UInt64 = 0
            let isRead = withUnsafeMutableBytes(of: &word) { read(place, into: $0.baseAddress!, count: 8) }
            return isRead ? word : nil
        }
    }
}
