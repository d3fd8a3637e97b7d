// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Stand-in, replaced when the unwinder is merged.
package struct StackMemory {
    private var copy: UnsafeRawBufferPointer?
    private var base: UInt64 = 0

    package init() {}

    package mutating func begin(liveAt stackPointer: UInt64) {
        copy = nil
        base = stackPointer
    }

    package mutating func begin(copy: UnsafeRawBufferPointer, at address: UInt64) {
        self.copy = copy
        base = address
    }

    package mutating func word(at address: UInt64) -> UInt64? {
        guard let copy else { return Memory.words(at: UInt(address), count: 1)?.first }
        let (offset, isBelow) = address.subtractingReportingOverflow(base)
        guard !isBelow, offset < UInt64(copy.count), offset + 8 <= UInt64(copy.count) else { return nil }
        return copy.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
    }
}
