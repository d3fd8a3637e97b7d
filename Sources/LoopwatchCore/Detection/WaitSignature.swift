// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A system call that a thread sleeps in, as far as it tells one way of waiting from another.
public struct WaitSignature: Sendable, Hashable {
    /// The kernel's number of the call.
    public var number: Int
    /// Its first argument: the epoll descriptor, the address of the futex or of the poll set.
    public var firstArgument: UInt64
    /// The stack pointer, for calls whose first argument does not say whose wait it is; 0 for epoll.
    public var stackPointer: UInt64

    /// Creates a signature.
    public init(number: Int, firstArgument: UInt64, stackPointer: UInt64) {
        self.number = number
        self.firstArgument = firstArgument
        self.stackPointer = stackPointer
    }
}
