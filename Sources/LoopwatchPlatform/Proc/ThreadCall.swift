// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// What `/proc/PID/task/TID/syscall` says (proc(5)): where a thread sleeps.
package enum ThreadCall: Equatable, Sendable {
    /// The thread runs, or is ready to.
    case running
    /// It sleeps outside any system call, such as in a page fault.
    case outside(stackPointer: UInt64, programCounter: UInt64)
    /// It sleeps in a system call.
    case inside(number: Int, firstArgument: UInt64, stackPointer: UInt64, programCounter: UInt64)

    /// Reads the line; `nil` if it is empty or has another shape.
    package init?(_ line: some Collection<UInt8>) {
        if line.starts(with: "running".utf8) {
            self = .running
            return
        }
        let fields = line.split { $0 == 32 || $0 == 10 }
        guard let first = fields.first else { return nil }
        if first.elementsEqual("-1".utf8) {
            guard fields.count == 3, let stackPointer = Self.hexadecimal(fields[1]),
                let programCounter = Self.hexadecimal(fields[2])
            else { return nil }
            self = .outside(stackPointer: stackPointer, programCounter: programCounter)
            return
        }
        guard fields.count == 9, let number = Self.number(first, radix: 10),
            let argument = Self.hexadecimal(fields[1]), let stackPointer = Self.hexadecimal(fields[7]),
            let programCounter = Self.hexadecimal(fields[8])
        else { return nil }
        self = .inside(
            number: Int(number),
            firstArgument: argument,
            stackPointer: stackPointer,
            programCounter: programCounter
        )
    }

    /// The signature of a call that work can end, and in which therefore a loop may wait for it; `nil` for other calls.
    package var waitSignature: WaitSignature? {
        guard case .inside(let number, let argument, let stackPointer, _) = self,
            SystemCall.endedByWork.contains(number)
        else { return nil }
        return WaitSignature(
            number: number,
            firstArgument: argument,
            stackPointer: SystemCall.epoll.contains(number) ? 0 : stackPointer
        )
    }

    /// Whether the thread sleeps in a system call.
    package var isInside: Bool {
        if case .inside = self { true } else { false }
    }

    /// The call for a report; `nil` unless the thread sleeps in one.
    package var blockingCall: BlockingCall? {
        guard case .inside(let number, _, _, _) = self else { return nil }
        return BlockingCall(name: SystemCall.name(of: number), isLock: number == SystemCall.futex)
    }

    private static func hexadecimal(_ field: some Collection<UInt8>) -> UInt64? {
        guard field.starts(with: "0x".utf8) else { return nil }
        return number(field.dropFirst(2), radix: 16)
    }

    private static func number(_ digits: some Collection<UInt8>, radix: UInt64) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 16 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            let amount: UInt64
            switch digit {
            case 48...57: amount = UInt64(digit - 48)
            case 97...102: amount = UInt64(digit - 87)
            default: return nil
            }
            guard amount < radix else { return nil }
            value = value &* radix &+ amount
        }
        return value
    }
}
