// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a blocking call did: the truth that a report is held against.
public struct Outcome: Sendable {
    /// When the blocking function began, by the monotonic clock, in nanoseconds.
    public private(set) var beganNanoseconds: Int64 = 0
    /// When it began, as Unix time in nanoseconds.
    public private(set) var beganUnixNanoseconds: Int64 = 0
    /// How long it took, in nanoseconds.
    public private(set) var nanoseconds: Int64 = 0
    /// What went wrong in the blocking call; `nil` if it returned what it should.
    public private(set) var failure: String?
    /// How many of the program's functions have returned.
    public private(set) var functionsReturned = 0

    /// What a program's functions leave behind.
    static func of(_ program: (inout Outcome) -> Void) -> Outcome {
        var outcome = Outcome()
        program(&outcome)
        return outcome
    }

    /// The blocking function begins.
    mutating func begin() {
        beganUnixNanoseconds = Self.now(CLOCK_REALTIME)
        beganNanoseconds = Self.now(CLOCK_MONOTONIC)
    }

    /// When the blocking function ended, as Unix time in nanoseconds.
    public var endedUnixNanoseconds: Int64 { beganUnixNanoseconds + nanoseconds }

    /// The blocking call has returned.
    ///
    /// - Parameters:
    ///   - result: what it returned.
    ///   - expected: what it returns when nothing disturbs it.
    mutating func ended(_ result: Int, expected: Int = 0) {
        let code = errno
        nanoseconds = Self.now(CLOCK_MONOTONIC) - beganNanoseconds
        functionsReturned = 1
        guard result != expected else { return }
        failure = "returned \(result) instead of \(expected)" + (result == -1 ? " (errno \(code))" : "")
    }

    /// A caller of the blocking function goes on: what it does after its call, so that none is a tail call.
    ///
    /// So little that an optimising build does not make one function of several callers, under the name of one of them: it
    /// does that with functions of 15 instructions and more that are alike.
    @inline(__always)
    mutating func passedOn() { functionsReturned &+= 1 }

    /// A clock's time in nanoseconds.
    static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
