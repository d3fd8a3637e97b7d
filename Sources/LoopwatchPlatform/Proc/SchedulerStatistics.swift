// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the scheduler says of a thread.
package enum SchedulerStatistics {
    /// Nanoseconds that a thread has waited for a CPU: second field of `/proc/PID/task/TID/schedstat`
    /// (Documentation/scheduler/sched-stats.rst).
    package static func runDelayNanoseconds(schedstat line: some Collection<UInt8>) -> Int64? {
        number(1, of: line)
    }

    /// How many times a thread was put on a CPU: third field of the same line.
    package static func runs(schedstat line: some Collection<UInt8>) -> Int64? {
        number(2, of: line)
    }

    private static func number(_ index: Int, of line: some Collection<UInt8>) -> Int64? {
        let fields = line.split { $0 == 32 || $0 == 10 }
        return fields.count > index ? Int64(String(decoding: fields[index], as: UTF8.self)) : nil
    }

    /// The processor that a thread last ran on: field 39 of `/proc/PID/task/TID/stat` (proc(5)).
    package static func processor(stat line: some BidirectionalCollection<UInt8>) -> Int? {
        // The name in the second field may hold anything, so fields are counted from its closing parenthesis.
        guard let end = line.lastIndex(of: 41) else { return nil }
        let fields = line[line.index(after: end)...].split { $0 == 32 || $0 == 10 }
        return fields.count > 36 ? Int(String(decoding: fields[36], as: UTF8.self)) : nil
    }

    /// When a thread was last accounted for, in nanoseconds of the scheduler's clock: `se.exec_start` of
    /// `/proc/PID/task/TID/sched`; for a thread that sleeps, the moment it went to sleep.
    package static func lastRunNanoseconds(sched text: some Collection<UInt8>) -> Int64? {
        for line in text.split(separator: 10).prefix(4) where line.starts(with: "se.exec_start".utf8) {
            guard let colon = line.firstIndex(of: 58) else { return nil }
            let number = line[line.index(after: colon)...].filter { $0 != 32 }
            // Milliseconds with six decimals: without the point, nanoseconds.
            let parts = number.split(separator: 46)
            guard parts.count == 2, parts[1].count == 6 else { return nil }
            return Int64(String(decoding: parts[0] + parts[1], as: UTF8.self))
        }
        return nil
    }
}
