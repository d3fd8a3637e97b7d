// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// An expression that gives an address or a value: DWARF 5, section 2.5, as far as unwind tables use it.
///
/// There are no jumps: nothing that compilers write into unwind tables has any, and so an expression cannot loop.
struct DwarfExpression {
    private let operations: ByteReader

    /// Finds an expression: a length, and as many bytes; `nil` if they are not there.
    init?(_ bytes: AddressedBytes, at address: UInt64) {
        guard var reader = bytes.reader(from: address, atMost: UnwindLimits.expressionLengthBytesMost),
            let length = reader.unsignedLEB(), length <= UInt64(bytes.count),
            let operations = bytes.reader(from: reader.address, to: reader.address &+ length)
        else { return nil }
        self.operations = operations
    }

    /// Evaluates it.
    ///
    /// - Parameters:
    ///   - registers: the registers of the frame.
    ///   - memory: the stack.
    ///   - initial: what is on the expression's stack at its beginning, if anything.
    /// - Returns: the value on top at the end; `nil` if something that it needs is not known or not understood.
    func value(registers: Registers, memory: inout StackMemory, initial: UInt64? = nil) -> UInt64? {
        var values = Values()
        if let initial, values.push(initial) == nil { return nil }
        var reader = operations
        var count = 0
        while !reader.isAtEnd {
            count += 1
            guard count <= UnwindLimits.expressionOperationsMost, let operation = reader.next(UInt8.self),
                Self.carryOut(operation, &reader, &values, registers, &memory) != nil
            else { return nil }
        }
        return values.pop()
    }

    /// The expression's stack.
    private struct Values {
        private var words = InlineArray<32, UInt64>(repeating: 0)
        private var count = 0

        mutating func push(_ value: UInt64?) -> Void? {
            guard let value, count < UnwindLimits.expressionStackMost, count < words.count else { return nil }
            words[count] = value
            count += 1
            return ()
        }

        mutating func pop() -> UInt64? {
            guard count > 0 else { return nil }
            count -= 1
            return words[count]
        }
    }

    private static func carryOut(
        _ operation: UInt8,
        _ reader: inout ByteReader,
        _ values: inout Values,
        _ registers: Registers,
        _ memory: inout StackMemory
    ) -> Void? {
        switch operation {
        case 0x30...0x4f: return values.push(UInt64(operation - 0x30))
        case 0x50...0x6f: return values.push(registers[Int(operation - 0x50)])
        case 0x70...0x8f: return values.push(relative(Int(operation - 0x70), &reader, registers))
        case 0x92:
            guard let number = reader.unsignedLEB(), number < UInt64(Architecture.registerCount) else { return nil }
            return values.push(relative(Int(number), &reader, registers))
        case 0x06: return values.push(values.pop().flatMap { memory.word(at: $0) })
        case 0x08: return values.push(reader.next(UInt8.self).map { UInt64($0) })
        case 0x09: return values.push(reader.next(Int8.self).map { UInt64(bitPattern: Int64($0)) })
        case 0x0a: return values.push(reader.next(UInt16.self).map { UInt64($0) })
        case 0x0b: return values.push(reader.next(Int16.self).map { UInt64(bitPattern: Int64($0)) })
        case 0x0c: return values.push(reader.next(UInt32.self).map { UInt64($0) })
        case 0x0d: return values.push(reader.next(Int32.self).map { UInt64(bitPattern: Int64($0)) })
        case 0x0e, 0x0f: return values.push(reader.next(UInt64.self))
        case 0x10: return values.push(reader.unsignedLEB())
        case 0x11: return values.push(reader.signedLEB().map { UInt64(bitPattern: $0) })
        case 0x12:
            guard let top = values.pop(), values.push(top) != nil else { return nil }
            return values.push(top)
        case 0x13: return values.pop() == nil ? nil : ()
        case 0x23:
            guard let top = values.pop(), let addend = reader.unsignedLEB() else { return nil }
            return values.push(top &+ addend)
        case 0x96: return ()
        default:
            guard let second = values.pop(), let first = values.pop() else { return nil }
            return values.push(combined(operation, first, second))
        }
    }

    private static func relative(_ number: Int, _ reader: inout ByteReader, _ registers: Registers) -> UInt64? {
        guard let offset = reader.signedLEB(), let value = registers[number] else { return nil }
        return value &+ UInt64(bitPattern: offset)
    }

    private static func combined(_ operation: UInt8, _ first: UInt64, _ second: UInt64) -> UInt64? {
        let signedFirst = Int64(bitPattern: first)
        let signedSecond = Int64(bitPattern: second)
        switch operation {
        case 0x1a: return first & second
        case 0x1c: return first &- second
        case 0x1e: return first &* second
        case 0x21: return first | second
        case 0x22: return first &+ second
        case 0x24: return second < 64 ? first << second : 0
        case 0x25: return second < 64 ? first >> second : 0
        case 0x26: return UInt64(bitPattern: signedFirst >> min(second, 63))
        case 0x27: return first ^ second
        case 0x29: return first == second ? 1 : 0
        case 0x2a: return signedFirst >= signedSecond ? 1 : 0
        case 0x2b: return signedFirst > signedSecond ? 1 : 0
        case 0x2c: return signedFirst <= signedSecond ? 1 : 0
        case 0x2d: return signedFirst < signedSecond ? 1 : 0
        case 0x2e: return first != second ? 1 : 0
        default: return nil
        }
    }
}
