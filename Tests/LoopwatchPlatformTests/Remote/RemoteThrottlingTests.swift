// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

/// The CPU quota of another process's control group: as files of one's own, and of the kernel where groups may be made.
@Suite("Throttling of another process", .serialized, .timeLimit(.minutes(10)))
struct RemoteThrottlingTests {
    /// A folder that is laid out as /proc and the groups are.
    private final class Files {
        let folder: String

        init() throws {
            var name = Array("/tmp/loopwatch-cgroup-XXXXXX".utf8CString)
            guard mkdtemp(&name) != nil else { throw SystemError(operation: "mkdtemp") }
            folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            for path in ["42", "self", "cg", "cg/app", "cg/other"] { mkdir("\(folder)/\(path)", 0o700) }
        }

        deinit {
            for path in ["42/cgroup", "self/mountinfo", "cg/app/cpu.stat", "cg/other/cpu.stat", "cg/cpu.stat"] {
                unlink("\(folder)/\(path)")
            }
            for path in ["42", "self", "cg/app", "cg/other", "cg", ""] { rmdir("\(folder)/\(path)") }
        }

        func write(_ path: String, _ text: String) throws {
            let file = open("\(folder)/\(path)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            try #require(file >= 0)
            defer { close(file) }
            let bytes = Array(text.utf8)
            try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
        }
    }

    private static func at(_ milliseconds: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    @Test("its group is read in either version, seldom while its loops wait, and followed when it moves to another")
    func files() throws {
        for isSecond in [true, false] {
            let files = try Files()
            func stat(_ microseconds: Int) -> String {
                let time = isSecond ? "throttled_usec \(microseconds)" : "throttled_time \(microseconds * 1_000)"
                return "nr_periods 9\nnr_throttled 3\n\(time)\n"
            }
            let line = isSecond ? "0::" : "4:cpu,cpuacct:"
            try files.write(
                "self/mountinfo",
                "30 24 0:26 / \(files.folder)/cg rw - \(isSecond ? "cgroup2 none rw" : "cgroup none rw,cpu,cpuacct")\n"
            )
            try files.write("42/cgroup", "\(line)/app\n")
            try files.write("cg/app/cpu.stat", stat(1_000))
            try files.write("cg/other/cpu.stat", stat(70_000))
            try files.write("cg/cpu.stat", stat(1))
            let throttling = RemoteThrottling(process: 42, proc: files.folder)
            #expect(throttling.nanoseconds(at: Self.at(0), isAway: false) == 1_000_000)
            try files.write("cg/app/cpu.stat", stat(2_000))
            #expect(throttling.nanoseconds(at: Self.at(49), isAway: false) == 1_000_000)
            #expect(throttling.nanoseconds(at: Self.at(50), isAway: false) == 2_000_000)
            try files.write("cg/app/cpu.stat", stat(3_000))
            #expect(throttling.nanoseconds(at: Self.at(51), isAway: true) == 3_000_000)
            try files.write("42/cgroup", "\(line)/other\n")
            #expect(throttling.nanoseconds(at: Self.at(9_000), isAway: true) == 3_000_000)
            #expect(throttling.nanoseconds(at: Self.at(10_001), isAway: true) == 70_000_000)
            // The group of the whole machine is not its own.
            try files.write("42/cgroup", "\(line)/gone\n")
            #expect(throttling.nanoseconds(at: Self.at(30_000), isAway: true) == nil)
        }
    }

    @Test("a process without a group is never throttled")
    func nothing() throws {
        let files = try Files()
        let throttling = RemoteThrottling(process: 42, proc: files.folder)
        #expect(throttling.nanoseconds(at: Self.at(0), isAway: true) == nil)
        #expect(throttling.nanoseconds(at: Self.at(60_000), isAway: false) == nil)
    }

    // MARK: The kernel's own

    /// A group with a tenth of a CPU, where this process may make one.
    private final class Group {
        private static let parents = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"]
        let folder: String

        init?() {
            for parent in Self.parents {
                let folder = "\(parent)/loopwatch-test-\(getpid())"
                guard mkdir(folder, 0o755) == 0 else { continue }
                let isLimited =
                    Self.write("\(folder)/cpu.max", "10000 100000")
                    || Self.write("\(folder)/cpu.cfs_quota_us", "10000")
                if isLimited {
                    self.folder = folder
                    return
                }
                rmdir(folder)
            }
            return nil
        }

        /// Its processes have to have ended.
        deinit { rmdir(folder) }

        func take(_ process: Int32) -> Bool { Self.write("\(folder)/cgroup.procs", "\(process)") }

        private static func write(_ path: String, _ text: String) -> Bool {
            let file = open(path, O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { return false }
            defer { close(file) }
            return Glibc.write(file, text, text.utf8.count) == text.utf8.count
        }
    }

    private static let hasGroups = Group() != nil

    @Test("a loop that computes in a group with a tenth of a CPU is throttled", .enabled(if: hasGroups))
    func live() throws {
        let group = try #require(Group())
        let loop = try LoopFixture()
        try #require(group.take(loop.identifier))
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("spin 800")
        _ = try loop.done()
        let ended = try #require(try watch.ended(1).last)
        #expect(ended.cause == .throttled, "\(watch.drafts())")
        #expect(try #require(ended.cpuShare) < 0.5)
        // Out of the group before that is removed.
        kill(loop.identifier, SIGKILL)
        try eventually("the process has ended") {
            watch.said.contains { if case .ended = $0 { true } else { false } }
        }
    }
}
