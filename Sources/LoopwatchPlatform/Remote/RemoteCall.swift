// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// What `/proc/PID/task/TID/syscall` says of a thread of another process.
package struct RemoteCall: Sendable, Equatable {
    /// Where the thread sleeps.
    package var call: ThreadCall
    /// Second argument of the call: the operation of a futex.
    package var secondArgument: UInt64
    /// Fourth argument of the call: the timeout of a futex, 0 if it waits without one.
    package var fourthArgument: UInt64

    /// Reads the line; `nil` if it is empty or has another shape.
    ///
    /// Allocates nothing: it is done a hundred times a second for each loop.
    package init?(_ line: UnsafeRawBufferPointer) {
        secondArgument = 0
        fourthArgument = 0
        if line.starts(with: "running".utf8) {
            call = .running
            return
        }
        guard line.first != UInt8(ascii: "-") else {
            // `-1`, outside any call: as rare as page faults that last.
            guard let call = ThreadCall(line) else { return nil }
            self.call = call
            return
        }
        var fields = InlineFields(line)
        guard let number = fields.decimal(), let first = fields.hexadecimal(), let second = fields.hexadecimal(),
            fields.hexadecimal() != nil, let fourth = fields.hexadecimal(), fields.hexadecimal() != nil,
            fields.hexadecimal() != nil, let stackPointer = fields.hexadecimal(),
            let programCounter = fields.hexadecimal()
        else { return nil }
        call = .inside(
            number: Int(clamping: number),
            firstArgument: first,
            stackPointer: stackPointer,
            programCounter: programCounter
        )
        secondArgument = second
        fourthArgument = fourth
    }

    /// The wait that the thread sleeps in, if it is one of epoll, or of another call that waits for descriptors.
    package var wait: (call: WaitCall, isEpoll: Bool, programCounter: UInt64)? {
        guard case .inside(let number, let argument, _, let programCounter) = call else { return nil }
        if SystemCall.epoll.contains(number) {
            return (WaitCall(number: number, descriptor: argument & 0xFFFF_FFFF), true, programCounter)
        }
        guard Self.weaker.contains(number) else { return nil }
        return (WaitCall(number: number, descriptor: argument), false, programCounter)
    }

    /// Whether it is a wait without a timeout for a futex: an idle worker, or one that waits for a lock.
    package var isUntimedFutexWait: Bool { isFutexWait && fourthArgument == 0 }

    /// Whether it is a wait with a timeout for a futex.
    package var isTimedFutexWait: Bool { isFutexWait && fourthArgument != 0 }

    /// FUTEX_WAIT and FUTEX_WAIT_BITSET (futex(2)), without their flags.
    private var isFutexWait: Bool {
        guard case .inside(let number, _, _, _) = call, number == SystemCall.futex else { return false }
        return secondArgument & 0x7F == 0 || secondArgument & 0x7F == 9
    }

    private static let weaker = Set(["poll", "ppoll", "select", "pselect6"].compactMap(SystemCall.number))
}
