// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("Throttling of the control group")
struct CgroupThrottlingTests {
    @Test("version 2 tells microseconds")
    func second() {
        let text = """
            usage_usec 2874618
            user_usec 1915120
            system_usec 959498
            nr_periods 112
            nr_throttled 37
            throttled_usec 1800425
            nr_bursts 0
            burst_usec 0

            """
        #expect(CgroupThrottling(stat: text.utf8) == CgroupThrottling(nanoseconds: 1_800_425_000, periods: 37))
    }

    @Test("version 1 tells nanoseconds")
    func first() {
        let text = "nr_periods 5\nnr_throttled 2\nthrottled_time 123456789\n"
        #expect(CgroupThrottling(stat: text.utf8) == CgroupThrottling(nanoseconds: 123_456_789, periods: 2))
    }

    @Test(
        "text that does not tell yields nothing",
        arguments: [
            "", "usage_usec 1\nuser_usec 1\nsystem_usec 0\n", "nr_throttled 1\n", "throttled_usec x\nnr_throttled 1\n",
            "throttled_usec -1\nnr_throttled 1\n", "throttled_usec 99999999999999999999\nnr_throttled 1\n",
        ]
    )
    func nothing(text: String) {
        #expect(CgroupThrottling(stat: text.utf8) == nil)
    }

    @Test("numbers that are too large do not trap")
    func large() {
        let text = "throttled_usec \(Int64.max)\nnr_throttled 1\n"
        let most = CgroupThrottling(stat: text.utf8)
        #expect(most?.nanoseconds == .max)
        let least = CgroupThrottling(nanoseconds: .min, periods: .min)
        #expect(most?.since(least).nanoseconds == 0)
        #expect(least.since(least) == CgroupThrottling(nanoseconds: 0, periods: 0))
    }

    @Test("a difference is never negative")
    func difference() {
        let earlier = CgroupThrottling(nanoseconds: 10, periods: 1)
        let later = CgroupThrottling(nanoseconds: 25, periods: 3)
        #expect(later.since(earlier) == CgroupThrottling(nanoseconds: 15, periods: 2))
        #expect(earlier.since(later) == CgroupThrottling(nanoseconds: 0, periods: 0))
    }

    @Test("version 2: the group's folder below the mount")
    func secondPath() {
        let paths = CgroupPaths.cpuStat(
            cgroup: "0::/system.slice/app.service\n".utf8,
            mountinfo: """
                24 1 0:22 / /sys rw,nosuid shared:2 - sysfs sysfs rw
                30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
                """.utf8
        )
        #expect(paths == ["/sys/fs/cgroup/system.slice/app.service/cpu.stat", "/sys/fs/cgroup/cpu.stat"])
    }

    @Test("version 1, and a mount point with a space; a container sees its own group alone")
    func firstPath() {
        let paths = CgroupPaths.cpuStat(
            cgroup: "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n1:name=systemd:/x\n0::/\n".utf8,
            mountinfo: """
                31 23 0:29 /docker/abc /sys/fs/cgroup\\040v1/cpu rw,relatime master:5 - cgroup cgroup rw,cpu,cpuacct
                32 23 0:30 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                """.utf8
        )
        #expect(paths == ["/sys/fs/cgroup v1/cpu/cpu.stat"])
    }

    @Test("a group below the one that is mounted")
    func belowRoot() {
        let paths = CgroupPaths.cpuStat(
            cgroup: "4:cpu:/pod/abc/inner\n".utf8,
            mountinfo: "31 23 0:29 /pod/abc /cg rw - cgroup cgroup rw,cpu".utf8
        )
        #expect(paths == ["/cg/inner/cpu.stat", "/cg/cpu.stat"])
    }

    @Test("of another process only its own group is read, where it is to be seen")
    func other() {
        func paths(_ cgroup: String, root: String) -> [String] {
            CgroupPaths.cpuStat(
                cgroup: "4:cpu:\(cgroup)\n".utf8,
                mountinfo: "31 23 0:29 \(root) /cg rw - cgroup cgroup rw,cpu".utf8,
                isOwn: false
            )
        }
        #expect(paths("/system.slice/app.service", root: "/") == ["/cg/system.slice/app.service/cpu.stat"])
        #expect(paths("/pod/abc", root: "/pod/abc") == ["/cg/cpu.stat"])
        #expect(paths("/pod/abc/inner", root: "/pod/abc") == ["/cg/inner/cpu.stat"])
        // Of those this process has none mounted, and that of its own is another.
        #expect(paths("/pod/other", root: "/pod/abc").isEmpty)
        #expect(paths("/../other", root: "/").isEmpty)
    }

    @Test("paths that climb, and text that is no table, are not followed")
    func hostile() {
        let mounts = "31 23 0:29 / /cg rw - cgroup2 none rw".utf8
        #expect(CgroupPaths.cpuStat(cgroup: "0::/../../etc\n".utf8, mountinfo: mounts) == ["/cg/cpu.stat"])
        #expect(CgroupPaths.cpuStat(cgroup: "".utf8, mountinfo: mounts).isEmpty)
        #expect(CgroupPaths.cpuStat(cgroup: "0::\n:::\n\n".utf8, mountinfo: mounts).isEmpty)
        for garbage in ["", "-", "- - - - - - - - -", "a b c d e f - cgroup2", "1 2 3 4 5\\9 6 - cgroup x cpu"] {
            _ = CgroupPaths.cpuStat(cgroup: "0::/\n1:cpu:/\n".utf8, mountinfo: garbage.utf8)
        }
    }

    @Test("where this process has a group that can be throttled, it can be read again and again")
    func live() {
        guard let file = CgroupThrottlingFile() else { return }
        let first = file.now()
        let second = file.now()
        #expect(first != nil)
        #expect((second?.nanoseconds ?? 0) >= (first?.nanoseconds ?? 0))
    }
}
