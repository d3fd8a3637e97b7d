// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// A range of another process's memory, copied piece by piece when it is first read: of a binary of 100 MB some dozen
/// pieces are ever needed.
///
/// Read from the process's memory and not from its file: that needs no way into its mount namespace, cannot end in SIGBUS
/// where the file was truncated, and is right for a file that was deleted, and for the vDSO.
///
/// Belongs to one thread.
package final class PagedMemory {
    /// How many bytes may be copied by all ranges of one process together.
    package final class Budget {
        fileprivate var bytesLeft: Int
        /// Creates a budget.
        package init(bytes: Int) { bytesLeft = bytes }
    }

    private enum PieceState {
        static let unread: UInt8 = 0
        static let read: UInt8 = 1
        static let missing: UInt8 = 2
    }

    /// Address of the first byte in the process.
    package let address: UInt64
    /// Number of bytes.
    package let count: Int
    let base: UnsafeRawPointer
    private let buffer: UnsafeMutableRawPointer
    private var states: [UInt8]
    private let process: Int32
    private let budget: Budget

    /// Describes a range; reads nothing yet.
    ///
    /// - Returns: `nil` if the range is empty or goes beyond the address space, or there is no address space for it here.
    package init?(process: Int32, address: UInt64, count: Int, budget: Budget) {
        guard count > 0, !address.addingReportingOverflow(UInt64(count)).overflow else { return nil }
        let mapped = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        buffer = mapped
        base = UnsafeRawPointer(mapped)
        self.address = address
        self.count = count
        self.process = process
        self.budget = budget
        let pieces = (count - 1) / UnwindLimits.pagedPieceBytes + 1
        states = [UInt8](repeating: PieceState.unread, count: pieces)
    }

    deinit {
        budget.bytesLeft += bytesRead
        munmap(buffer, count)
    }

    private var bytesRead: Int { states.lazy.filter { $0 == PieceState.read }.count * UnwindLimits.pagedPieceBytes }

    /// Forgets what was copied: the code may be another now.
    ///
    /// - Returns: whether anything was.
    package func forget() -> Bool {
        guard states.contains(where: { $0 != PieceState.unread }) else { return false }
        budget.bytesLeft += bytesRead
        for index in states.indices { states[index] = PieceState.unread }
        madvise(buffer, count, MADV_DONTNEED)
        return true
    }

    /// Whether bytes can be read here, after they were copied if need be; they lie in the range.
    func isPresent(_ offset: Int, count wanted: Int) -> Bool {
        guard wanted > 0 else { return true }
        for index in offset / UnwindLimits.pagedPieceBytes...(offset + wanted - 1) / UnwindLimits.pagedPieceBytes
        where states[index] != PieceState.read && !copyPiece(index) {
            return false
        }
        return true
    }

    private func copyPiece(_ index: Int) -> Bool {
        guard states[index] == PieceState.unread, budget.bytesLeft >= UnwindLimits.pagedPieceBytes else { return false }
        let start = index * UnwindLimits.pagedPieceBytes
        let size = min(UnwindLimits.pagedPieceBytes, count - start)
        let copied = lw_read_process_memory(process, address &+ UInt64(start), buffer + start, size)
        states[index] = copied == size ? PieceState.read : PieceState.missing
        guard copied == size else { return false }
        budget.bytesLeft -= UnwindLimits.pagedPieceBytes
        return true
    }

    /// The word at an address as it is now; `nil` if it cannot be read.
    func presentWord(at wanted: UInt64) -> UInt64? {
        var word: UInt64 = 0
        let copied = withUnsafeMutableBytes(of: &word) {
            lw_read_process_memory(process, wanted, $0.baseAddress!, 8)
        }
        return copied == 8 ? word : nil
    }
}
