// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import LoopwatchCore

/// Reads what processes there are (proc(5)).
package enum ProcessList {
    /// Most processes that are read.
    package static let entriesMost = 32_768
    /// Longest command line that is read, in bytes.
    package static let commandLineBytesMost = 65_536

    /// The ids of all processes that this one may see.
    package static func identifiers() -> [Int32] { numbers(in: "/proc", atMost: entriesMost) }

    /// All processes that this one may see; one that ends meanwhile is left out.
    package static func all() -> [ProcessEntry] {
        identifiers().compactMap { entry(of: $0) }
    }

    /// Whether there is a process of this number that /proc does not show to this user (proc(5), hidepid=2).
    package static func isHidden(_ process: Int32) -> Bool {
        guard process > 0, kill(process, 0) == 0 || errno == EPERM else { return false }
        // A thread's number is taken too, and is shown nowhere but with its process.
        return access("/proc/\(process)", F_OK) != 0
    }

    /// Whether /proc shows this user its own processes alone: the first of all there always is.
    package static var hidesOthers: Bool { isHidden(1) }

    /// One process; `nil` if there is none, or it may not be seen.
    package static func entry(of process: Int32) -> ProcessEntry? {
        let line = WholeFile.bytes(at: "/proc/\(process)/stat", atMost: 4_096)
        guard let open = line.firstIndex(of: 0x28), let close = line.lastIndex(of: 0x29), open < close,
            let statistics = ProcessStatistics(stat: line)
        else { return nil }
        let fields = line[line.index(after: close)...].split { $0 == 0x20 || $0 == 0x0A }
        // Field 3 is the state, field 4 the parent, field 9 the flags.
        guard fields.count > 6, let state = fields[0].first,
            let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
            let flags = UInt32(String(decoding: fields[6], as: UTF8.self))
        else { return nil }
        let command = WholeFile.bytes(at: "/proc/\(process)/cmdline", atMost: commandLineBytesMost)
        // A program that gave itself a title leaves zeros or spaces behind it.
        var arguments = command.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        while arguments.last?.isEmpty == true { arguments.removeLast() }
        return ProcessEntry(
            identifier: process,
            parent: parent,
            startTicks: statistics.startTicks,
            shortName: String(decoding: line[line.index(after: open)..<close], as: UTF8.self),
            arguments: arguments,
            isProgram: !Self.endedStates.contains(state) && flags & Self.kernelThreadFlag == 0
        )
    }

    /// States of a process that has ended and is still listed: zombie, dead (proc(5)).
    private static let endedStates: [UInt8] = [UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x")]
    /// PF_KTHREAD of the kernel's linux/sched.h.
    ///
    /// An empty command line would not tell: a program has none while it is being executed.
    private static let kernelThreadFlag: UInt32 = 0x0020_0000

    /// The systemd unit that a process belongs to, such as `api.service`; `nil` if it belongs to none.
    ///
    /// It is the last part of the control group's path that is the name of a unit (systemd.unit(5)).
    package static func unit(of process: Int32) -> String? {
        unit(cgroup: WholeFile.bytes(at: "/proc/\(process)/cgroup", atMost: 65_536))
    }

    /// The same from the text of /proc/PID/cgroup.
    static func unit(cgroup: [UInt8]) -> String? {
        for line in cgroup.split(separator: 10) {
            let fields = line.split(separator: 0x3A, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            // Version 2, or systemd's own hierarchy of version 1.
            guard fields[1].isEmpty || fields[1].elementsEqual("name=systemd".utf8) else { continue }
            let parts = fields[2].split(separator: 0x2F).map { String(decoding: $0, as: UTF8.self) }
            if let unit = parts.last(where: { $0.hasSuffix(".service") || $0.hasSuffix(".scope") }) { return unit }
        }
        return nil
    }

    /// The entries of a folder that are numbers.
    static func numbers(in path: String, atMost count: Int) -> [Int32] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var numbers: [Int32] = []
        while numbers.count < count, let entry = readdir(folder) {
            let number = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                Int32(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
            }
            if let number { numbers.append(number) }
        }
        return numbers
    }
}
