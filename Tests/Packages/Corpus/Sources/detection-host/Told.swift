// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the host tells on standard output, one line at a time, with times in seconds of the monotonic clock.
enum Told {
    /// Seconds of the clock that does not jump.
    ///
    /// Part of what blocks, so that it is what is found at work.
    @inline(__always)
    static var now: Double { seconds(CLOCK_MONOTONIC) }

    /// Seconds since 1970.
    static var unixNow: Double { seconds(CLOCK_REALTIME) }

    /// Writes a line at once, whole.
    static func line(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    /// Tells of a stretch that was held up, from `began` to `ended`: `BLOCK`, `FLOOD` or `LATE`.
    static func stretch(_ what: String, _ identifier: Substring, _ kind: String, _ began: Double, _ ended: Double) {
        line("\(what) \(identifier) \(kind) \(text(began)) \(text(ended))")
    }

    /// Seconds with all nine digits of the nanoseconds.
    static func text(_ seconds: Double) -> String {
        let nanoseconds = Int64((seconds * 1e9).rounded())
        let fraction = String(abs(nanoseconds) % 1_000_000_000)
        let sign = nanoseconds < 0 ? "-" : ""
        let padding = String(repeating: "0", count: 9 - fraction.count)
        return "\(sign)\(abs(nanoseconds) / 1_000_000_000).\(padding)\(fraction)"
    }

    @inline(__always)
    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
