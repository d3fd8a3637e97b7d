// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The registers and a piece of the stack of a thread of another process, copied by whoever traces it.
package struct CopiedThread: Sendable {
    let registers: Registers
    /// Address of the first byte of the stack that was copied.
    let stackAddress: UInt64
    let stack: [UInt8]
}
