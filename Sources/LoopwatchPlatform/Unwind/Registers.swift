// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Stand-in, replaced when the unwinder is merged.
package struct Registers: Sendable {
    private let values: [UInt64]

    package init(programCounter: UInt64, stackPointer: UInt64) {
        values = [0, 0, 0, 0, 0, 0, 0, stackPointer, 0, 0, 0, 0, 0, 0, 0, 0, programCounter]
    }

    package init(dwarf values: some Sequence<UInt64>) { self.values = Array(values) }

    package var programCounter: UInt64 { values.count > 16 ? values[16] : 0 }
    package var stackPointer: UInt64 { values.count > 7 ? values[7] : 0 }
}
