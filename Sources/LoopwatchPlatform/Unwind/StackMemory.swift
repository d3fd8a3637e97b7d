// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// Reads the words of a stack: from a copy that was made of it, or from the living process, this one or another, piece by
/// piece as it is needed.
///
/// A word that is not there, or was not copied, is `nil`: nothing traps. Belongs to one thread, and is made once and used
/// again and again: it allocates address space for the largest stack when it is created, and nothing later; only pieces
/// that are used cost memory.
package struct StackMemory: ~Copyable {
    private enum PieceState {
        static let unread: UInt8 = 0
        static let read: UInt8 = 1
        static let missing: UInt8 = 2
    }

    private static let capacity = UnwindLimits.stackPiecesMost * Int(UnwindLimits.stackPieceBytes)

    /// `nil` where there was no memory: then words are read one by one.
    private let buffer: UnsafeMutableRawPointer?
    private let states: UnsafeMutablePointer<UInt8>
    private var statesUsed = 0
    /// Address of the buffer's first byte in the process.
    private var address: UInt64 = 0
    /// Bytes of a copy; 0 where the process itself is read.
    private var copiedBytes = 0
    /// The process that the stack is of; 0 for this one.
    private let process: Int32
    /// Whether only a copy may be read, and the thread has gone on since.
    private(set) var isCopy = true

    /// Allocates what will be needed.
    ///
    /// - Parameter process: the process that the stacks will be of; 0 for this one.
    package init(process: Int32 = 0) {
        self.process = process
        let mapped = mmap(
            nil,
            Self.capacity,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
            -1,
            0
        )
        buffer = mapped == MAP_FAILED ? nil : mapped
        states = .allocate(capacity: UnwindLimits.stackPiecesMost)
        states.initialize(repeating: PieceState.unread, count: UnwindLimits.stackPiecesMost)
    }

    deinit {
        if let buffer { munmap(buffer, Self.capacity) }
        states.deallocate()
    }

    /// Begins with the stack of a thread that stands still.
    package mutating func begin(liveAt stackPointer: UInt64) {
        isCopy = false
        copiedBytes = 0
        address = stackPointer & ~(UnwindLimits.stackPieceBytes - 1)
        states.update(repeating: PieceState.unread, count: statesUsed)
        statesUsed = 0
    }

    /// Begins with a copy of a stack, which is copied once more and need not outlive the call; what lies beyond 8 MiB is
    /// left away.
    package mutating func begin(copy: UnsafeRawBufferPointer, at address: UInt64) {
        isCopy = true
        self.address = address
        copiedBytes = 0
        guard let buffer, let source = copy.baseAddress else { return }
        copiedBytes = min(copy.count, Self.capacity)
        buffer.copyMemory(from: source, byteCount: copiedBytes)
        // What pieces of a living stack stood here does not any more.
        states.update(repeating: PieceState.unread, count: statesUsed)
        statesUsed = 0
    }

    /// The word at an address, aligned or not; `nil` if it cannot be read.
    @inline(__always)
    package mutating func word(at wanted: UInt64) -> UInt64? {
        let offset = wanted &- address
        if isCopy {
            guard let buffer, copiedBytes >= 8, wanted >= address, offset <= UInt64(copiedBytes - 8) else { return nil }
            return buffer.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
        }
        guard let buffer, wanted >= address, offset <= UInt64(Self.capacity - 8) else { return distantWord(at: wanted) }
        let first = Int(offset / UnwindLimits.stackPieceBytes)
        let last = Int((offset + 7) / UnwindLimits.stackPieceBytes)
        guard states[first] == PieceState.read || readPiece(first) else { return nil }
        guard last == first || states[last] == PieceState.read || readPiece(last) else { return nil }
        return buffer.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
    }

    /// Reads a piece of the living stack; whether it is there.
    private mutating func readPiece(_ index: Int) -> Bool {
        guard let buffer, states[index] == PieceState.unread else { return false }
        let size = Int(UnwindLimits.stackPieceBytes)
        let place = address &+ UInt64(index * size)
        let count = read(place, buffer + index * size, size)
        states[index] = count == size ? PieceState.read : PieceState.missing
        statesUsed = max(statesUsed, index + 1)
        return count == size
    }

    /// Reads a word of the living process that is not near the stack pointer: a thread in a signal handler has two stacks.
    private func distantWord(at wanted: UInt64) -> UInt64? {
        var word: UInt64 = 0
        return withUnsafeMutableBytes(of: &word) { read(wanted, $0.baseAddress!, 8) } == 8 ? word : nil
    }

    /// Two words of the living process, wherever they are; `nil` if they cannot be read.
    func livingWords(at wanted: UInt64) -> (UInt64, UInt64)? {
        var words: (UInt64, UInt64) = (0, 0)
        let count = withUnsafeMutableBytes(of: &words) { read(wanted, $0.baseAddress!, 16) }
        return count == 16 ? words : nil
    }

    private func read(_ place: UInt64, _ destination: UnsafeMutableRawPointer, _ count: Int) -> Int {
        if process != 0 { return lw_read_process_memory(process, place, destination, count) }
        return lw_read_memory(UInt(place), destination, count)
    }
}
