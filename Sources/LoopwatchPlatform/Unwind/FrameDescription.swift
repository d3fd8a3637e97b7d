// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How to unwind one function: a frame description entry and the common information entry that it refers to.
///
/// Format: Linux Standard Base, Core Specification 5.0, section 10.6.1.
package struct FrameDescription {
    /// Address of the function's first byte.
    package private(set) var start: UInt64 = 0
    /// Address one past its last byte.
    package private(set) var end: UInt64 = 0
    /// What codes of addresses are multiplied by.
    private(set) var codeAlignment: UInt64 = 1
    /// What offsets of saved registers are multiplied by.
    private(set) var dataAlignment: Int64 = 1
    /// The register that holds the return address.
    private(set) var returnAddressRegister = Architecture.programCounter
    /// Whether the frame was made by the kernel for a signal: the address in it is not past a call.
    private(set) var isSignalFrame = false
    /// The instructions that all functions of the common entry begin with.
    private(set) var commonInstructions: ByteReader
    /// The function's own instructions.
    private(set) var instructions: ByteReader

    /// Whether an address lies in the function.
    @inline(__always)
    func contains(_ address: UInt64) -> Bool { address >= start && address < end }

    /// Reads an entry.
    ///
    /// - Returns: `nil` if it is not an entry, or is of a form that compilers do not write.
    init?(_ bytes: AddressedBytes, at address: UInt64) {
        guard let length = bytes.load(UInt32.self, at: address), length > 4, length < 0xffff_fff0,
            var reader = bytes.reader(from: address &+ 4, to: address &+ 4 &+ UInt64(length)),
            let common = reader.next(UInt32.self), common != 0,
            let commonLength = bytes.load(UInt32.self, at: address &+ 4 &- UInt64(common)), commonLength > 8,
            commonLength < 0xffff_fff0,
            case let commonStart = address &+ 8 &- UInt64(common),
            var commonReader = bytes.reader(from: commonStart, to: commonStart &+ UInt64(commonLength)),
            commonReader.next(UInt32.self) == 0
        else { return nil }
        instructions = reader
        commonInstructions = commonReader
        guard let encoding = readCommon(&commonReader), let start = reader.pointer(encoding.pointer),
            // The length has the format of the start, and is relative to nothing.
            let count = reader.pointer(encoding.pointer & ByteReader.Encoding.format), count > 0,
            !start.addingReportingOverflow(count).overflow
        else { return nil }
        if encoding.hasAugmentation {
            guard let size = reader.unsignedLEB(), reader.skip(size) != nil else { return nil }
        }
        self.start = start
        end = start + count
        instructions = reader
        commonInstructions = commonReader
    }

    /// Reads the common entry up to its instructions.
    private mutating func readCommon(_ reader: inout ByteReader) -> (pointer: UInt8, hasAugmentation: Bool)? {
        guard let version = reader.next(UInt8.self), version == 1 || version == 3 else { return nil }
        // The letters of the augmentation, of which at most this many are in use.
        var letters: UInt64 = 0
        var letterCount: UInt64 = 0
        while let letter = reader.next(UInt8.self), letter != 0 {
            guard letterCount < 8 else { return nil }
            letters |= UInt64(letter) << (8 * letterCount)
            letterCount += 1
        }
        guard let codeAlignment = reader.unsignedLEB(), let dataAlignment = reader.signedLEB(),
            let column = version == 1 ? reader.next(UInt8.self).map({ UInt64($0) }) : reader.unsignedLEB(),
            column < UInt64(Architecture.registerCount)
        else { return nil }
        self.codeAlignment = codeAlignment
        self.dataAlignment = dataAlignment
        returnAddressRegister = Int(column)
        guard letterCount > 0 else { return (0, false) }
        guard letters & 0xff == UInt64(UInt8(ascii: "z")), let size = reader.unsignedLEB() else { return nil }
        var data = reader
        guard reader.skip(size) != nil else { return nil }
        var encoding: UInt8 = 0
        // Not a `for`: where nothing is optimised, each step of one takes a lock of the Swift runtime.
        var index: UInt64 = 0
        while index + 1 < letterCount {
            index += 1
            switch UInt8(truncatingIfNeeded: letters >> (8 * index)) {
            case UInt8(ascii: "R"):
                guard let read = data.next(UInt8.self) else { return nil }
                encoding = read
            case UInt8(ascii: "P"):
                guard let form = data.next(UInt8.self), data.pointer(form & ByteReader.Encoding.format) != nil else {
                    return nil
                }
            case UInt8(ascii: "L"): _ = data.next(UInt8.self)
            case UInt8(ascii: "S"): isSignalFrame = true
            // B: return addresses are signed with the other key (arm64); nothing to do.
            case UInt8(ascii: "B"): break
            default: return nil
            }
        }
        return (encoding, true)
    }
}
