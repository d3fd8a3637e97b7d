// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("What processes there are")
struct ProcessListTests {
    @Test("this process is among them, with its command line and parent")
    func own() throws {
        let own = try #require(ProcessList.entry(of: getpid()))
        #expect(own.parent == getppid())
        #expect(own.startTicks > 0)
        #expect(own.arguments == CommandLine.arguments)
        let listed = try #require(ProcessList.all().first { $0.identifier == getpid() })
        #expect(listed == own)
        #expect(ProcessList.identifiers().contains(getpid()))
    }

    @Test("one that has ended, and that its parent has not waited for, runs no program")
    func ended() throws {
        #expect(try #require(ProcessList.entry(of: getpid())).isProgram)
        var child: pid_t = 0
        let path = try #require(strdup("/bin/true"))
        defer { free(path) }
        try #require(posix_spawn(&child, "/bin/true", nil, nil, [path, nil], environ) == 0)
        var information = siginfo_t()
        try #require(waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT) == 0)
        let entry = ProcessList.entry(of: child)
        waitpid(child, nil, 0)
        #expect(try #require(entry).isProgram == false)
    }

    @Test("a process that does not exist is not there")
    func none() {
        #expect(ProcessList.entry(of: Int32.max) == nil)
        #expect(ProcessList.unit(of: Int32.max) == nil)
    }

    @Test(
        "the unit is the last part of the control group that is one",
        arguments: [
            ("0::/system.slice/api.service\n", "api.service"),
            ("0::/user.slice/user-0.slice/session-1.scope\n", "session-1.scope"),
            ("0::/system.slice/docker.service/payload\n", "docker.service"),
            ("12:cpu,cpuacct:/other.service\n1:name=systemd:/system.slice/api.service\n", "api.service"),
            ("0::/\n", nil), ("", nil), ("garbage", nil),
        ] as [(String, String?)]
    )
    func unit(cgroup: String, unit: String?) {
        #expect(ProcessList.unit(cgroup: Array(cgroup.utf8)) == unit)
    }

    @Test("who listens at a port is found, and who only connects to it is not")
    func port() throws {
        let listener = try ListeningSocket(address: .tcp(host: "127.0.0.1", port: 0), backlog: 4)
        defer { listener.close() }
        guard case .tcp(_, let port) = listener.address else {
            Issue.record("the socket is bound to \(listener.address)")
            return
        }
        // Others may listen at the same number: of the other family now, and anyone once it is free.
        var status = stat()
        try #require(fstat(listener.descriptor, &status) == 0)
        let own = ListeningPorts.Listener(inode: UInt64(status.st_ino), user: getuid())
        #expect(ListeningPorts.listeners(at: port).contains(own))
        #expect(ListeningPorts.holders(of: [own], among: [getpid(), getppid()]) == [getpid()])
        listener.close()
        // A process that is being created has a copy of the descriptor until it begins its program.
        try eventually("it listens no more") { !ListeningPorts.listeners(at: port).contains(own) }
    }

    @Test("lines of the table of sockets that are none are passed over")
    func garbage() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1
               1: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1
               2: 00000000000000000000000000000000:1F40 0:0 0A 0:0 00:0 0  0        0 4244 1
               3: 0100007F:port 00000000:0000 0A
            """
        let found = ListeningPorts.listeners(at: 8000, table: Array(table.utf8))
        #expect(found.map(\.inode) == [4242, 4244])
        #expect(found.map(\.user) == [1000, 0])
    }
}
