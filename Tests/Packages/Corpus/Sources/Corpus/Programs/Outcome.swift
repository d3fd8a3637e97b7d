// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a blocking call did: the truth that a report is held against.
public struct Outcome: Sendable {
    /// When the blocking function began, by the monotonic clock, in nanoseconds.
    public private(set) var beganNanoseconds = Outcome.now(CLOCK_MONOTONIC)
    /// When it began, as Unix time in nanoseconds.
    public private(set) var beganUnixNanoseconds = Outcome.now(CLOCK_REALTIME)
    /// How long it took, in nanoseconds.
    public private(set) var nanoseconds: Int64 = 0
    /// What went wrong in the blocking call; `nil` if it returned what it should.
    public private(set) var failure: String?
    /// How many of the program's functions have returned.
    public private(set) var functionsReturned = 0

    /// The blocking function begins.
    init() {}

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
    mutating func passedOn() { functionsReturned += 1 }

    /// A clock's time in nanoseconds.
    static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
