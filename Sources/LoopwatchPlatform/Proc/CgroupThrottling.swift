// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How long the kernel kept a control group from running because it had used up its CPU quota.
package struct CgroupThrottling: Sendable, Equatable {
    /// Time that the group's threads were kept from running, in nanoseconds, since the group exists.
    ///
    /// Version 1 and 2 both sum up over processors: it can grow faster than time.
    package var nanoseconds: Int64
    /// Periods in which the group was throttled, since it exists.
    package var periods: Int64

    /// Creates a reading.
    package init(nanoseconds: Int64, periods: Int64) {
        self.nanoseconds = nanoseconds
        self.periods = periods
    }

    /// Reads the text of `cpu.stat`; `nil` where it tells nothing of throttling, as in the root group.
    ///
    /// Formats: Documentation/admin-guide/cgroup-v2.rst (`throttled_usec`) and scheduler/sched-bwc.rst
    /// (`throttled_time`, in nanoseconds).
    package init?(stat text: some Collection<UInt8>) {
        var nanoseconds: Int64?
        var periods: Int64?
        var rest = text[...]
        for _ in 0..<Self.linesMost where !rest.isEmpty {
            let line = rest.prefix { $0 != 10 }
            rest = rest[line.endIndex...].dropFirst()
            // Read while a loop is away from its wait: of the many lines only these are looked at closely.
            if let number = Self.value(of: "nr_throttled ", in: line) {
                periods = number
            } else if let number = Self.value(of: "throttled_time ", in: line) {
                nanoseconds = number
            } else if let number = Self.value(of: "throttled_usec ", in: line) {
                let (product, overflow) = number.multipliedReportingOverflow(by: 1_000)
                nanoseconds = overflow ? .max : product
            }
        }
        guard let nanoseconds, let periods else { return nil }
        self.init(nanoseconds: nanoseconds, periods: periods)
    }

    /// Lines that are read.
    private static let linesMost = 64

    private static func value(of key: StaticString, in line: some Collection<UInt8>) -> Int64? {
        let key = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        guard line.starts(with: key) else { return nil }
        let number = Int64(String(decoding: line.dropFirst(key.count).prefix(32), as: UTF8.self))
        return number.flatMap { $0 < 0 ? nil : $0 }
    }

    /// What was added since an earlier reading; never negative.
    package func since(_ earlier: CgroupThrottling) -> CgroupThrottling {
        CgroupThrottling(
            nanoseconds: max(0, nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue),
            periods: max(0, periods.subtractingReportingOverflow(earlier.periods).partialValue)
        )
    }
}

/// Reads again and again how much a process's control group was throttled.
package final class CgroupThrottlingFile: Sendable {
    /// Bytes that are read of the files that lead to it.
    private static let bytesMost = 1 << 20
    private static let statBytesMost = 4_096

    private let file: ProcFile

    /// Finds the group of this process; `nil` where there is none that can be throttled.
    ///
    /// A process that is moved to another group later is not followed.
    package convenience init?() {
        self.init(groups: WholeFile.bytes(at: "/proc/self/cgroup", atMost: Self.bytesMost), isOwn: true)
    }

    /// Finds a group.
    ///
    /// - Parameters:
    ///   - groups: the text of the process's /proc/PID/cgroup.
    ///   - isOwn: whether it is of this process.
    ///   - mountinfo: path of the table of what this process has mounted.
    init?(groups: [UInt8], isOwn: Bool, mountinfo: String = "/proc/self/mountinfo") {
        let mounts = WholeFile.bytes(at: mountinfo, atMost: Self.bytesMost)
        let paths = CgroupPaths.cpuStat(cgroup: groups, mountinfo: mounts, isOwn: isOwn)
        let files = paths.lazy.compactMap { ProcFile(path: $0) }
        let found = files.first { CgroupThrottling(stat: $0.bytes(atMost: Self.statBytesMost)) != nil }
        guard let found else { return nil }
        file = found
    }

    /// What it is until now; `nil` if the group is gone.
    ///
    /// Costs one system call.
    package func now() -> CgroupThrottling? { CgroupThrottling(stat: file.bytes(atMost: Self.statBytesMost)) }
}
