// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// A control group with a CPU quota, below the one that this process is in.
struct ControlGroup {
    private let parent: String
    private let path: String

    /// Creates the group, of version 1 or 2.
    ///
    /// - Throws: ``NotPossible`` where the process may not.
    init(quotaMicroseconds: Int, periodMicroseconds: Int) throws {
        let lines = try String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8).split(separator: "\n")
        let groups = lines.map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
        if let own = groups.first(where: { $0.count == 3 && $0[1].split(separator: ",").contains("cpu") }),
            let root = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"].first(where: { access($0, F_OK) == 0 })
        {
            parent = root + own[2]
            path = Self.child(of: parent)
            try Self.make(path)
            try Self.write("\(periodMicroseconds)", to: path + "/cpu.cfs_period_us")
            try Self.write("\(quotaMicroseconds)", to: path + "/cpu.cfs_quota_us")
        } else if let own = groups.first(where: { $0.count == 3 && $0[0] == "0" }) {
            parent = "/sys/fs/cgroup" + own[2]
            path = Self.child(of: parent)
            // Refused where the parent has processes of its own, unless it is the root.
            try? Self.write("+cpu", to: parent + "/cgroup.subtree_control")
            try Self.make(path)
            try Self.write("\(quotaMicroseconds) \(periodMicroseconds)", to: path + "/cpu.max")
        } else {
            throw NotPossible("no control group with a CPU controller")
        }
    }

    /// Moves this process into the group.
    ///
    /// - Throws: ``NotPossible``.
    func enter() throws { try Self.write("\(getpid())", to: path + "/cgroup.procs") }

    /// Moves this process back.
    func leave() { try? Self.write("\(getpid())", to: parent + "/cgroup.procs") }

    /// Removes the group.
    func remove() { rmdir(path) }

    private static func child(of parent: String) -> String {
        (parent.hasSuffix("/") ? parent : parent + "/") + "loopwatch-corpus-\(getpid())"
    }

    private static func make(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 else { throw NotPossible(failed: path) }
    }

    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else {
            let reason = NotPossible(failed: path)
            rmdir((path as NSString).deletingLastPathComponent)
            throw reason
        }
        defer { close(file) }
        guard Glibc.write(file, text, text.utf8.count) == text.utf8.count else {
            let reason = NotPossible(failed: path)
            rmdir((path as NSString).deletingLastPathComponent)
            throw reason
        }
    }
}
