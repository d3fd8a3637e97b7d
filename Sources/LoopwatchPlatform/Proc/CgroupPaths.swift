// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds the files of a process's control groups (cgroups(7)).
enum CgroupPaths {
    /// Where `cpu.stat` may be, the likeliest first.
    ///
    /// `cgroup` is the text of /proc/self/cgroup, lines of `ID:CONTROLLERS:PATH`, of which version 2 has the one with ID 0
    /// and no controllers; `mountinfo` that of /proc/self/mountinfo (proc(5)). Within a container the path may be that of
    /// the host, with only the group itself mounted: then the mount's own folder is tried, but for another process
    /// (`isOwn` false), whose group that need not be.
    static func cpuStat(
        cgroup: some Collection<UInt8>,
        mountinfo: some Collection<UInt8>,
        isOwn: Bool = true
    ) -> [String] {
        let groups = groups(cgroup)
        var paths: [String] = []
        for mount in mounts(mountinfo) {
            let isSecond = mount.type == "cgroup2"
            guard isSecond || mount.options.contains("cpu") else { continue }
            guard let group = isSecond ? groups.second : groups.cpu else { continue }
            for folder in folders(group: group, root: mount.root, isOwn: isOwn) {
                let path = mount.point + (folder == "/" ? "" : folder) + "/cpu.stat"
                if !paths.contains(path), paths.count < 16 { paths.append(path) }
            }
        }
        return paths
    }

    private struct Mount {
        var root: String
        var point: String
        var type: Substring
        var options: [Substring]
    }

    /// The group's path below the mount, then the mount's own folder.
    private static func folders(group: String, root: String, isOwn: Bool) -> [String] {
        let other = isOwn ? ["/"] : []
        guard !group.split(separator: "/").contains("..") else { return other }
        if root == "/" { return [group] + other }
        if group == root { return ["/"] }
        if group.hasPrefix(root + "/") { return [String(group.dropFirst(root.count))] + other }
        return isOwn ? [group, "/"] : []
    }

    private static func groups(_ text: some Collection<UInt8>) -> (second: String?, cpu: String?) {
        var second: String?
        var cpu: String?
        for line in text.split(separator: 10, maxSplits: 256) {
            let fields = String(decoding: line, as: UTF8.self)
                .split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[2].hasPrefix("/") else { continue }
            if fields[0] == "0", fields[1].isEmpty { second = String(fields[2]) }
            if fields[1].split(separator: ",").contains("cpu") { cpu = String(fields[2]) }
        }
        return (second, cpu)
    }

    /// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPEROPTIONS`.
    private static func mounts(_ text: some Collection<UInt8>) -> [Mount] {
        text.split(separator: 10, maxSplits: 4_096).compactMap { line in
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return nil }
            let type = fields[dash + 1]
            guard type == "cgroup2" || type == "cgroup" else { return nil }
            return Mount(
                root: unescaped(fields[3]),
                point: unescaped(fields[4]),
                type: type,
                options: fields[dash + 3].split(separator: ",")
            )
        }
    }

    /// The kernel writes spaces and the like as three octal digits after a backslash.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 92, digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
