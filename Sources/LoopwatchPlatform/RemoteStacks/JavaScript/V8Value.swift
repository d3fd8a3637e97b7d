// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A tagged word of V8 on a 64-bit machine without pointer compression.
struct V8Value: Equatable {
    /// The word.
    let word: UInt64

    /// Describes a word.
    init(_ word: UInt64) { self.word = word }

    /// The small integer that it is: 32 bits in the upper half; `nil` if it is none.
    var smallInteger: Int32? {
        word & 0xffff_ffff == 0 ? Int32(bitPattern: UInt32(word >> 32)) : nil
    }

    /// Whether it is the address of an object, plus 1.
    var isHeapObject: Bool { word & 3 == 1 }
}
