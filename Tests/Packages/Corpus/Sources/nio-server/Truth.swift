// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the server knows of its own blocks.
enum Truth {
    /// Seconds of the clock that does not jump.
    ///
    /// Part of what blocks, so that this is what is found at work.
    @inline(__always)
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Tells of a block that ends now.
    static func tell(_ kind: String, began: Double) {
        let end = now
        write("BLOCK \(kind) \(text(began)) \(text(end))\n")
    }

    /// Writes a line at once, whole.
    static func write(_ line: String) {
        var line = line
        line.withUTF8 { _ = Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    /// Seconds with all nine digits of the nanoseconds.
    private static func text(_ seconds: Double) -> String {
        let nanoseconds = Int64(seconds * 1e9)
        let fraction = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - fraction.count) + fraction
    }
}
