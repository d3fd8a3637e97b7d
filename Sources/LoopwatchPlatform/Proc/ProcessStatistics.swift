// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What `/proc/PID/stat` says of a process (proc(5)).
package struct ProcessStatistics: Equatable, Sendable {
    /// Threads.
    package var threads: Int
    /// Start, in clock ticks after boot.
    package var startTicks: Int64
    /// Virtual memory, in bytes.
    package var virtualMemoryBytes: Int64
    /// Resident memory, in pages.
    package var residentMemoryPages: Int64

    /// Reads the line; `nil` if it has another shape.
    ///
    /// The name in the second field may hold anything, so fields are counted from its closing parenthesis, the last
    /// in the line.
    package init?(stat line: [UInt8]) {
        guard let end = line.lastIndex(of: 41) else { return nil }
        let fields = line[line.index(after: end)...].split { $0 == 32 || $0 == 10 }
        func number(_ field: Int) -> Int64? {
            // Field numbers as in proc(5): the one after the name is the third.
            fields.indices.contains(field - 3) ? Int64(String(decoding: fields[field - 3], as: UTF8.self)) : nil
        }
        guard let threads = number(20), let start = number(22), let virtual = number(23), let resident = number(24)
        else {
            return nil
        }
        self.threads = Int(threads)
        startTicks = start
        virtualMemoryBytes = virtual
        residentMemoryPages = resident
    }
}
