// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// Reading memory of this process that may not be there, or that others are writing.
package enum Memory {
    /// Copies words; `nil` if any of them is not mapped.
    ///
    /// Never traps.
    package static func words(at address: UInt, count: Int) -> [UInt64]? {
        guard address % 8 == 0, count > 0 else { return nil }
        var words = [UInt64](repeating: 0, count: count)
        let copied = words.withUnsafeMutableBytes { lw_read_memory(address, $0.baseAddress!, $0.count) }
        return copied == count * 8 ? words : nil
    }

    /// Reads one word that others may be writing, from memory that is known to be mapped.
    package static func word(at address: UInt) -> UInt64 {
        guard let pointer = UnsafeRawPointer(bitPattern: address) else { return 0 }
        return lw_load_word(pointer)
    }
}
