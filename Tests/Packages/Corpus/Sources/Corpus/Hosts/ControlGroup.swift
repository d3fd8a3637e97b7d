// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// A control group with a CPU quota, below the one that this process is in.
struct ControlGroup {
    /// Where the CPU controller of version 1 is mounted.
    private static let roots = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]

    private let parent: String
    private let path: String

    private let settings: [(file: String, value: String)]

    /// Creates the group, of version 1 or 2, and moves this process into it; the quota is to follow.
    ///
    /// - Throws: ``NotPossible`` where the process may not.
    init(quotaMicroseconds quota: Int, periodMicroseconds period: Int) throws {
        let lines = try String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8).split(separator: "\n")
        let groups = lines.map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
        if let own = groups.first(where: { $0.count == 3 && $0[1].split(separator: ",").contains("cpu") }),
            let root = Self.roots.first(where: { (root: String) in access(root, F_OK) == 0 })
        {
            parent = root + own[2]
            settings = [("cpu.cfs_period_us", "\(period)"), ("cpu.cfs_quota_us", "\(quota)")]
        } else if let own = groups.first(where: { $0.count == 3 && $0[0] == "0" }) {
            parent = "/sys/fs/cgroup" + own[2]
            settings = [("cpu.max", "\(quota) \(period)")]
        } else {
            throw NotPossible("no control group with a CPU controller")
        }
        path = (parent.hasSuffix("/") ? parent : parent + "/") + "loopwatch-corpus-\(getpid())"
        guard mkdir(path, 0o755) == 0 else { throw NotPossible(failed: path) }
        do {
            // Asked for now, so that a group without a controller is known before anything runs.
            for setting in settings where access("\(path)/\(setting.file)", W_OK) != 0 {
                throw NotPossible(failed: "\(path)/\(setting.file)")
            }
            try Self.write("\(getpid())", to: path + "/cgroup.procs")
        } catch {
            rmdir(path)
            throw error
        }
    }

    /// Limits the group from now on.
    ///
    /// - Throws: ``NotPossible``.
    func limit() throws {
        for setting in settings { try Self.write(setting.value, to: "\(path)/\(setting.file)") }
    }

    /// Moves this process back.
    func leave() { try? Self.write("\(getpid())", to: parent + "/cgroup.procs") }

    /// Removes the group.
    func remove() { rmdir(path) }

    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw NotPossible(failed: path) }
        defer { close(file) }
        guard Glibc.write(file, text, text.utf8.count) == text.utf8.count else { throw NotPossible(failed: path) }
    }
}
