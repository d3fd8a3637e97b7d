// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How the length of a block is decided.
public enum BlockEnd: Sendable {
    /// The call sleeps for the length that it is given.
    case byItself
    /// The call sleeps until ``BlockingProgram/release()``.
    case byRelease
    /// The thread computes until the length is over.
    case byComputing
}

/// A program that blocks its thread in a way that is known: functions that are never inlined, each of which does
/// something after the call that it makes.
///
/// It is made, released and dropped on the thread of the harness, and blocks another one.
public protocol BlockingProgram: AnyObject, Sendable {
    /// What blocks, for the table.
    static var way: String { get }
    /// The functions that are on the stack while it is blocked, innermost first, by the names that frames have.
    static var functions: [String] { get }
    /// Beginnings of the names of its other functions, which the innermost one has called through someone else's code:
    /// they may be found innermost as well.
    static var calledBack: [String] { get }
    /// The causes that are right.
    static var causes: [String] { get }
    /// What ends the block.
    static var end: BlockEnd { get }

    /// Prepares what the program blocks at.
    ///
    /// - Throws: why that cannot be had here.
    init(nanoseconds: Int64) throws

    /// Runs the outermost function.
    func handle() -> Outcome
    /// Runs the innermost function, for callers of another kind.
    func block() -> Outcome
    /// Lets go what is ended by release.
    func release()
}

extension BlockingProgram {
    /// Nothing is called back.
    public static var calledBack: [String] { [] }
    /// The call ends by itself.
    public func release() {}
}

/// Why a program, or a host, cannot be had on this machine.
public struct NotPossible: Error, CustomStringConvertible {
    /// The reason.
    public var description: String

    /// Creates the reason.
    init(_ description: String) { self.description = description }

    /// Creates the reason from `errno`.
    init(failed operation: String) { description = "\(operation): \(String(cString: strerror(errno)))" }
}
