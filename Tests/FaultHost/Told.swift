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

    /// Tries at a system call of the host's own, which may be made to fail as those of Loopwatch are.
    private static let triesMost = 100

    /// Writes a line at once, whole.
    static func line(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { bytes in
            for _ in 0..<triesMost where write(STDOUT_FILENO, bytes.baseAddress, bytes.count) == bytes.count { return }
        }
    }

    /// Reads the next line of standard input; `nil` at its end.
    static func nextLine() -> String? {
        var line: [UInt8] = []
        var failures = 0
        var byte: UInt8 = 0
        while failures < triesMost {
            switch read(STDIN_FILENO, &byte, 1) {
            case 1 where byte == 10: return String(decoding: line, as: UTF8.self)
            case 1: line.append(byte)
            case 0: return nil
            default: failures += 1
            }
        }
        return nil
    }
}
