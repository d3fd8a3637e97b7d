// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Carries out the instructions of a frame description: DWARF 5, section 6.4.2, and GNU's extensions.
///
/// Owns what it needs for that, so that nothing is allocated while it runs. Belongs to one thread.
struct CallFrameProgram: ~Copyable {
    /// Where a row begins, and what its base is relative to.
    struct Entry {
        /// Address of the first instruction that the row is of.
        var address: UInt64
        /// The register; -1 for an expression.
        var register: Int
        /// The base's distance from it.
        var offset: Int64
    }

    private let remembered: UnsafeMutablePointer<CallFrameRow>
    private var rememberedCount = 0
    private let entryStorage: UnsafeMutablePointer<Entry>
    private var entryCount = 0
    private var isRecording = false

    init() {
        remembered = .allocate(capacity: UnwindLimits.rememberedRowsMost)
        remembered.initialize(repeating: CallFrameRow(), count: UnwindLimits.rememberedRowsMost)
        entryStorage = .allocate(capacity: UnwindLimits.decodedRowsMost)
        entryStorage.initialize(
            repeating: Entry(address: 0, register: -1, offset: 0),
            count: UnwindLimits.decodedRowsMost
        )
    }

    deinit {
        remembered.deallocate()
        entryStorage.deallocate()
    }

    /// The row at an address of a function; `nil` if the instructions cannot be understood.
    mutating func row(at address: UInt64, of description: FrameDescription) -> CallFrameRow? {
        isRecording = false
        return run(description, to: address)
    }

    /// The beginnings of all rows of a function, in order; `nil` if the instructions cannot be understood, or there are too
    /// many rows.
    ///
    /// Valid until the next call.
    mutating func entries(of description: FrameDescription) -> UnsafeBufferPointer<Entry>? {
        isRecording = true
        entryCount = 0
        guard run(description, to: description.end) != nil, entryCount < UnwindLimits.decodedRowsMost else {
            return nil
        }
        return UnsafeBufferPointer(start: entryStorage, count: entryCount)
    }

    private mutating func run(_ description: FrameDescription, to address: UInt64) -> CallFrameRow? {
        var row = CallFrameRow()
        let isRecorded = isRecording
        isRecording = false
        rememberedCount = 0
        guard run(description.commonInstructions, description, to: .max, &row, initial: nil) else { return nil }
        let initial = row
        isRecording = isRecorded
        rememberedCount = 0
        return run(description.instructions, description, to: address, &row, initial: initial) ? row : nil
    }

    private mutating func record(_ row: CallFrameRow, at address: UInt64) {
        guard isRecording, entryCount < UnwindLimits.decodedRowsMost else { return }
        if entryCount > 0, entryStorage[entryCount - 1].address == address { entryCount -= 1 }
        entryStorage[entryCount] = Entry(address: address, register: row.baseRegister ?? -1, offset: row.baseOffset)
        entryCount += 1
    }

    /// Runs instructions until the row at an address is complete; `false` if one cannot be understood.
    private mutating func run(
        _ instructions: ByteReader,
        _ description: FrameDescription,
        to address: UInt64,
        _ row: inout CallFrameRow,
        initial: CallFrameRow?
    ) -> Bool {
        var reader = instructions
        var location = description.start
        while !reader.isAtEnd {
            guard let operation = reader.next(UInt8.self) else { return false }
            let low = UInt64(operation & 0x3f)
            let next: UInt64
            switch operation >> 6 {
            case 1: next = location &+ low &* description.codeAlignment
            case 2:
                guard let offset = reader.unsignedLEB() else { return false }
                row.set(low, .atOffset, Int64(bitPattern: offset) &* description.dataAlignment)
                continue
            case 3:
                if let initial { row.restore(low, from: initial) }
                continue
            default:
                switch operation {
                case 0x01:
                    guard let place = reader.pointer(ByteReader.Encoding.relativeToItselfSigned4) else { return false }
                    next = place
                case 0x02:
                    guard let delta = reader.next(UInt8.self) else { return false }
                    next = location &+ UInt64(delta) &* description.codeAlignment
                case 0x03:
                    guard let delta = reader.next(UInt16.self) else { return false }
                    next = location &+ UInt64(delta) &* description.codeAlignment
                case 0x04:
                    guard let delta = reader.next(UInt32.self) else { return false }
                    next = location &+ UInt64(delta) &* description.codeAlignment
                default:
                    guard carryOut(operation, &reader, description, &row, initial) != nil else { return false }
                    continue
                }
            }
            record(row, at: location)
            if next > address { return true }
            // Rows go upwards: what goes down is damaged.
            guard next >= location else { return false }
            location = next
        }
        record(row, at: location)
        return true
    }

    /// Carries out an instruction that does not move to another row; `nil` if it cannot be understood.
    private mutating func carryOut(
        _ operation: UInt8,
        _ reader: inout ByteReader,
        _ description: FrameDescription,
        _ row: inout CallFrameRow,
        _ initial: CallFrameRow?
    ) -> Void? {
        switch operation {
        case 0x00: break
        case 0x0a:
            guard rememberedCount < UnwindLimits.rememberedRowsMost else { return nil }
            remembered[rememberedCount] = row
            rememberedCount += 1
        case 0x0b:
            guard rememberedCount > 0 else { return nil }
            rememberedCount -= 1
            row = remembered[rememberedCount]
        // DW_CFA_AARCH64_negate_ra_state: return addresses are stripped of their signatures whether signed or not.
        case 0x2d: break
        case 0x2e: guard reader.unsignedLEB() != nil else { return nil }
        case 0x0c, 0x0d, 0x0e, 0x0f, 0x12, 0x13: return setBase(operation, &reader, description, &row)
        default: return setRule(operation, &reader, description, &row, initial)
        }
        return ()
    }

    private func setBase(
        _ operation: UInt8,
        _ reader: inout ByteReader,
        _ description: FrameDescription,
        _ row: inout CallFrameRow
    ) -> Void? {
        switch operation {
        case 0x0c, 0x12:
            guard let register = reader.unsignedLEB(), register < UInt64(Architecture.registerCount) else { return nil }
            row.base = .register(Int(register))
            guard let offset = offset(&reader, description, isSigned: operation == 0x12) else { return nil }
            row.baseOffset = offset
        case 0x0d:
            guard let register = reader.unsignedLEB(), register < UInt64(Architecture.registerCount) else { return nil }
            row.base = .register(Int(register))
        case 0x0f:
            row.base = .expression
            row.baseOffset = Int64(bitPattern: reader.address)
            guard let size = reader.unsignedLEB() else { return nil }
            return reader.skip(size)
        default:
            guard let offset = offset(&reader, description, isSigned: operation == 0x13) else { return nil }
            row.baseOffset = offset
        }
        return ()
    }

    /// The offset of a base: factored where it is signed.
    private func offset(_ reader: inout ByteReader, _ description: FrameDescription, isSigned: Bool) -> Int64? {
        if isSigned { return reader.signedLEB().map { $0 &* description.dataAlignment } }
        return reader.unsignedLEB().map { Int64(bitPattern: $0) }
    }

    private func setRule(
        _ operation: UInt8,
        _ reader: inout ByteReader,
        _ description: FrameDescription,
        _ row: inout CallFrameRow,
        _ initial: CallFrameRow?
    ) -> Void? {
        guard let register = reader.unsignedLEB() else { return nil }
        switch operation {
        case 0x06: if let initial { row.restore(register, from: initial) }
        case 0x07: row.set(register, .undefined)
        case 0x08: row.set(register, .same)
        case 0x09:
            guard let other = reader.unsignedLEB() else { return nil }
            row.set(register, .register, Int64(bitPattern: other))
        case 0x10, 0x16:
            row.set(register, operation == 0x10 ? .atExpression : .expression, Int64(bitPattern: reader.address))
            guard let size = reader.unsignedLEB() else { return nil }
            return reader.skip(size)
        case 0x05, 0x14:
            guard let offset = reader.unsignedLEB() else { return nil }
            let scaled = Int64(bitPattern: offset) &* description.dataAlignment
            row.set(register, operation == 0x05 ? .atOffset : .offset, scaled)
        case 0x11, 0x15:
            guard let offset = reader.signedLEB() else { return nil }
            row.set(register, operation == 0x11 ? .atOffset : .offset, offset &* description.dataAlignment)
        default: return nil
        }
        return ()
    }
}
