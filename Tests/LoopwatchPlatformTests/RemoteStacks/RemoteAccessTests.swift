// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("What stands in the way of reading a process")
struct RemoteAccessTests {
    @Test(
        "is said, with the command that grants it",
        arguments: [
            (
                RemoteAccess(ownUser: 0, user: 33, isDumpable: true, yamaScope: 1), "even root may not",
                "--cap-add SYS_PTRACE"
            ),
            (RemoteAccess(ownUser: 1_000, user: 33, isDumpable: true, yamaScope: 0), "belongs to user 33", "cap"),
            (RemoteAccess(ownUser: 33, user: 33, isDumpable: false, yamaScope: 0), "hides itself", "cap"),
            (
                RemoteAccess(ownUser: 33, user: 33, isDumpable: true, hasMoreCapabilities: true, yamaScope: 1),
                "has capabilities that this one has not", "cap"
            ),
            (RemoteAccess(ownUser: 33, user: 33, isDumpable: true, yamaScope: 1), "ptrace_scope is 1", "cap"),
            (RemoteAccess(ownUser: 33, user: nil, isDumpable: true, yamaScope: 0), "does not let this user", "cap"),
        ]
    )
    func texts(access: RemoteAccess, reason: String, grant: String) throws {
        let text = access.text
        #expect(text.contains(reason) && text.split(separator: "; grant with: ").count == 2, "\(text)")
        #expect(try #require(access.grant).contains(grant))
    }

    @Test("that nothing can be granted before the next boot is said as it is")
    func forbidden() {
        let access = RemoteAccess(ownUser: 33, user: 33, isDumpable: true, yamaScope: 3)
        #expect(access.grant == nil && access.text.hasSuffix("until the next boot (kernel.yama.ptrace_scope is 3)"))
    }

    @Test("a command for those whom a file's capabilities help, and another for those in a container or a unit")
    func grants() {
        func command(_ user: UInt32, isFiltered: Bool = false, _ place: RunningPlace) -> String {
            RightsGrant.command(user: user, isOwner: true, isFiltered: isFiltered, program: "/l", place: place)
        }
        let nowhere = RunningPlace()
        let own = command(1_000, nowhere).replacing("/l", with: "/usr/bin/loopwatch")
        #expect(own == "sudo setcap cap_perfmon,cap_sys_ptrace=ep /usr/bin/loopwatch")
        // /proc/PID/syscall is of mode 0400: another's may not be opened without one more.
        let foreign = RightsGrant.command(user: 1_000, isOwner: false, isFiltered: false, program: "/l", place: nowhere)
        #expect(foreign == "sudo setcap cap_dac_read_search,cap_perfmon,cap_sys_ptrace=ep /l")
        let inside = "docker run --cap-add PERFMON --cap-add SYS_PTRACE"
        let container = RunningPlace(isContainer: true)
        #expect(command(0, container) == inside && command(1_000, isFiltered: true, container) == inside)
        // A unit's filter is no container's, and there is nothing to run anew.
        let unit = RunningPlace(unit: "watch.service")
        let edit =
            "sudo systemctl edit watch.service, [Service] "
            + "AmbientCapabilities=CAP_SYS_PTRACE CAP_PERFMON CAP_DAC_READ_SEARCH, SystemCallFilter=ptrace perf_event_open"
        #expect(command(0, unit) == edit && command(1_000, isFiltered: true, unit) == edit)
        #expect(command(1_000, unit).hasPrefix("sudo setcap "))
        // Where it cannot be known, and where it may be either, both are named.
        let both = RunningPlace(isContainer: true, unit: "watch.service")
        #expect(command(0, both) == "\(inside); or \(edit)")
        #expect(command(0, nowhere) == "\(inside); or \(edit.replacing("watch.service", with: "UNIT"))")
    }

    @Test(
        "what it runs in is told by an engine's file, by variables and by the control group",
        arguments: [
            (true, [:], nil, RunningPlace(isContainer: true)),
            (false, ["KUBERNETES_SERVICE_HOST": "10.0.0.1"], nil, RunningPlace(isContainer: true)),
            (false, ["container": "lxc"], nil, RunningPlace(isContainer: true)),
            (false, ["CONTAINER_NAME": "x"], nil, RunningPlace()),
            (false, [:], "watch.service", RunningPlace(unit: "watch.service")),
            (true, [:], "watch.service", RunningPlace(isContainer: true, unit: "watch.service")),
            (false, [:], "session-1.scope", RunningPlace()),
            (false, [:], "user@1000.service", RunningPlace()),
        ] as [(Bool, [String: String], String?, RunningPlace)]
    )
    func places(hasMarker: Bool, environment: [String: String], unit: String?, expected: RunningPlace) {
        #expect(RunningPlace(hasMarker: hasMarker, environment: environment, unit: unit) == expected)
    }

    @Test("the lines of a process's status are read by their names")
    func status() {
        let text = "Name:\tUid:\nUid:\t33\t34\t33\t33\nCapPrm:\t0000000000000400\nSeccomp:\t2\n"
        let status = ProcessStatus(Array(text.utf8))
        #expect(status.decimal("Uid:", at: 1) == 34 && status.decimal("Uid:", at: 4) == nil)
        #expect(status.bits("CapPrm:") == 0x400 && status.decimal("Seccomp:") == 2)
        #expect(status.decimal("NoNewPrivs:") == nil && ProcessStatus([]).bits("CapEff:") == nil)
    }

    @Test("processes that cannot be read are refused")
    func refused() {
        #expect(throws: RemoteStackProblem.ownProcess) { try problem(of: ProcessIdentifier.own) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: .max) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: 0) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: -1) }
        // A thread of the kernel, which has no memory; in a container there is none.
        if RemoteThreadList.name(of: 2, in: 2) == "kthreadd" {
            #expect(throws: RemoteStackProblem.self) { try problem(of: 2) }
        }
    }

    private func problem(of process: Int32) throws {
        let reader = try RemoteStackReader(process: process)
        Issue.record("\(reader.process) can be read")
    }

    @Test("a thread's number in its own namespace is the last")
    func namespaces() {
        let status = Array("Name:\tnode\nNSpid:\t4711\t12\t7\nThreads:\t1\n".utf8)
        #expect(RemoteThreadFiles.innerIdentifier(status: status) == 7)
        #expect(RemoteThreadFiles.innerIdentifier(status: Array("NSpid:\t4711\n".utf8)) == 4_711)
        #expect(RemoteThreadFiles.innerIdentifier(status: Array("Name:\tx\n".utf8)) == nil)
    }
}
