// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// For how long the CPU quota of another process's control group has been used up.
///
/// Read of the file that this process sees the group by: in a container of its own it sees no other's. Belongs to one
/// thread; the loops of a process share one.
final class RemoteThrottling {
    /// Time after which it is looked whether the process is in another group by now, in nanoseconds.
    private static let searchNanoseconds: Int64 = 10_000_000_000
    /// Age at which a reading is too old for a loop that is away from its wait, in nanoseconds.
    private static let ageNanosecondsAway: Int64 = 1_000_000
    /// The same for one that waits: what is read then is only what later readings are compared with.
    private static let ageNanosecondsWaiting: Int64 = 50_000_000
    private static let bytesMost = 65_536

    private let groupsPath: String
    private let mountinfo: String
    private var groups: [UInt8] = []
    private var file: CgroupThrottlingFile?
    private var searched: MonotonicInstant?
    private var latest: (instant: MonotonicInstant, nanoseconds: Int64?)?

    /// Creates a clock; the paths are others only in tests.
    init(process: Int32, proc: String = "/proc") {
        groupsPath = "\(proc)/\(process)/cgroup"
        mountinfo = "\(proc)/self/mountinfo"
    }

    /// Throttled time until about now, in nanoseconds; `nil` where there is no such group, or it cannot be read.
    ///
    /// Costs one system call, and none if another loop asked a moment before.
    ///
    /// - Parameters:
    ///   - instant: now.
    ///   - isAway: whether what asks is away from its wait.
    func nanoseconds(at instant: MonotonicInstant, isAway: Bool) -> Int64? {
        let age = isAway ? Self.ageNanosecondsAway : Self.ageNanosecondsWaiting
        if let latest, instant.nanoseconds(since: latest.instant) < age { return latest.nanoseconds }
        if searched.map({ instant.nanoseconds(since: $0) >= Self.searchNanoseconds }) ?? true {
            searched = instant
            let current = WholeFile.bytes(at: groupsPath, atMost: Self.bytesMost)
            if current != groups {
                groups = current
                file = CgroupThrottlingFile(groups: current, isOwn: false, mountinfo: mountinfo)
            }
        }
        let nanoseconds = file?.now()?.nanoseconds
        latest = (instant, nanoseconds)
        return nanoseconds
    }
}
