// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the host tells on standard output, one line at a time.
enum Told {
    /// Nanoseconds of the clock that does not jump.
    static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Writes a line at once, whole.
    static func line(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
