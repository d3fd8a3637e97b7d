// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The signals that a thread blocks, and those that wait for it: `/proc/self/task/TID/status` (proc(5)).
package struct ThreadSignals: Sendable, Equatable {
    /// Signals that the thread blocks: bit 0 for signal 1.
    package var blocked: UInt64
    /// Signals directed at the thread that have not been delivered to it.
    package var pending: UInt64

    /// Reads the text; `nil` if a line is missing or has another shape.
    package init?(status text: some Collection<UInt8>) {
        var blocked: UInt64?
        var pending: UInt64?
        for line in text.split(separator: 10).prefix(Self.linesMost) {
            if line.starts(with: "SigBlk:".utf8) { blocked = Self.mask(line.dropFirst(7)) }
            if line.starts(with: "SigPnd:".utf8) { pending = Self.mask(line.dropFirst(7)) }
        }
        guard let blocked, let pending else { return nil }
        self.blocked = blocked
        self.pending = pending
    }

    /// Reads those of a thread of this process; `nil` if it is gone, or the kernel does not tell.
    ///
    /// Opens a file: about 20 us.
    package init?(of thread: ThreadIdentifier) {
        guard let file = ProcFile(path: "/proc/self/task/\(thread)/status") else { return nil }
        self.init(status: file.bytes(atMost: 4_096))
    }

    /// Whether the thread blocks a signal.
    package func blocks(_ signal: CInt) -> Bool { Self.contains(signal, blocked) }

    /// Whether a signal waits for the thread.
    package func awaits(_ signal: CInt) -> Bool { Self.contains(signal, pending) }

    private static func contains(_ signal: CInt, _ mask: UInt64) -> Bool {
        (1...64).contains(signal) && mask >> UInt64(signal - 1) & 1 == 1
    }

    private static func mask(_ field: some Collection<UInt8>) -> UInt64? {
        UInt64(String(decoding: field.drop { $0 == 9 || $0 == 32 }, as: UTF8.self), radix: 16)
    }

    /// More lines than the file has.
    private static let linesMost = 128
}
