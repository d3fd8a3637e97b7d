// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

/// The program under a service manager, which is a socket of the test.
@Suite("Under a service manager", .serialized, .timeLimit(.minutes(10)))
struct ServiceManagerTests {
    private static func eventually(_ what: String, _ isSo: () -> Bool) throws {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while !isSo() {
            guard Clock.now() < deadline else { throw NeverHappened(description: "never came: \(what)") }
            poll(nil, 0, 20)
        }
    }

    private static func isReady(_ text: String) -> Bool { text == "READY=1" }

    /// The port of the endpoint that the log names.
    private static func port(_ log: String) -> UInt16? {
        guard let start = log.firstRange(of: "http://127.0.0.1:")?.upperBound else { return nil }
        return UInt16(log[start...].prefix { $0.isNumber })
    }

    private static func connects(to port: UInt16) -> Bool {
        let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(client) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    @Test("ready comes once the endpoint listens and the loop is watched; a reload and the end are told as well")
    func life() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let manager = try ManagerSocket(folder.path("notify"))
            var loop = try ChildProcess([], program: "CLoopFixture")
            _ = try loop.line("that it is ready") { $0 == "ready" }
            let configuration = """
                { listen: "127.0.0.1:0", log: "\(folder.path("w.log"))", \
                processes: [{ pid: \(loop.identifier), name: "one" }] }
                """
            try folder.write("c.json5", configuration)
            var daemon = try ChildProcess(
                ["run", "--config", folder.path("c.json5")],
                environment: ["NOTIFY_SOCKET": folder.path("notify")]
            )
            let first = try manager.messages(until: "ready", where: Self.isReady)
            #expect(first == ["READY=1"])
            let port = Self.port(folder.read("w.log"))
            #expect(port.map(Self.connects) == true, "\(folder.read("w.log"))")
            _ = try manager.messages(until: "the loop") { $0 == "STATUS=Watching 1 process: 1 loop" }

            try folder.write("c.json5", "{ processes: 7 }")
            try Self.reload(&daemon, manager)
            _ = try manager.messages(until: "the refusal") {
                $0.hasSuffix("; the latest configuration was refused, see the log")
            }
            try folder.write("c.json5", configuration.replacing("processes:", with: "threshold: \"60ms\", processes:"))
            try Self.reload(&daemon, manager)
            _ = try manager.messages(until: "what holds now") { $0 == "STATUS=Watching 1 process: 1 loop" }

            daemon.signal(SIGTERM)
            let last = try manager.messages(until: "the end") { $0.hasPrefix("STOPPING=1\n") }
            #expect(!last.contains { $0.hasPrefix("WATCHDOG") })
            #expect(try daemon.end() == 0)
            #expect(manager.next() == nil)
        }
    }

    /// Has it reload, and expects to hear of it.
    private static func reload(_ daemon: inout ChildProcess, _ manager: ManagerSocket) throws {
        let before = Clock.now().nanoseconds / 1_000
        daemon.signal(SIGHUP)
        let messages = try manager.messages(until: "ready again", where: isReady).filter { !$0.hasPrefix("STATUS=") }
        let after = Clock.now().nanoseconds / 1_000
        #expect(messages.count == 2, "\(messages)")
        let lines = messages.first?.split(separator: "\n") ?? []
        #expect(lines.count == 2 && lines.first == "RELOADING=1")
        let time = lines.last.flatMap { Int64($0.replacing("MONOTONIC_USEC=", with: "")) }
        #expect(time.map { (before...after).contains($0) } == true, "\(messages), between \(before) and \(after)")
    }

    @Test(
        "signs of life come without anything to watch; a manager that does not read holds up nothing, and is told again"
    )
    func alive() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let name = "@loopwatch-test-\(getpid())-alive"
            let manager = try ManagerSocket(name)
            try folder.write(
                "c.json5",
                "{ listen: \"off\", log: \"\(folder.path("w.log"))\", processes: [{ command: \"no-such-\(getpid())\" }] }"
            )
            var daemon = try ChildProcess(
                ["run", "--config", folder.path("c.json5")],
                environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"]
            )
            let first = try manager.messages(until: "ready", where: Self.isReady)
            #expect(first == ["READY=1"])
            for _ in 0..<3 { _ = try manager.messages(until: "a sign of life") { $0 == "WATCHDOG=1" } }
            // The kernel keeps some datagrams for whoever does not read (net.unix.max_dgram_qlen), and takes no more then.
            try Self.eventually("the full socket") { folder.read("w.log").contains("cannot be told how it goes: ") }
            while manager.next() != nil {}
            for _ in 0..<3 { _ = try manager.messages(until: "another sign of life") { $0 == "WATCHDOG=1" } }
            try Self.eventually("the socket full again") {
                folder.read("w.log").split(separator: "\n").count { $0.contains("cannot be told how it goes: ") } == 2
            }
            daemon.signal(SIGTERM)
            #expect(try daemon.end() == 0)
        }
    }

    @Test(
        "a manager that is not there, or that speaks of another kind of socket, is told of once",
        arguments: ["/", "vsock:2:1"]
    )
    func missing(start: String) async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            try folder.write(
                "c.json5",
                "{ listen: \"off\", log: \"\(folder.path("w.log"))\", processes: [{ command: \"no-such-\(getpid())\" }] }"
            )
            let socket = start == "/" ? folder.path("nobody") : start
            var daemon = try ChildProcess(
                ["run", "--config", folder.path("c.json5"), "--duration", "1s"],
                environment: ["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "50000"]
            )
            #expect(try daemon.end() == 0)
            let lines = folder.read("w.log").split(separator: "\n").filter { $0.contains("cannot be told how it goes") }
            #expect(lines.count == 1 && lines.first?.contains("send to \(socket): ") == true, "\(lines)")
        }
    }

    @Test("a program that is started does not have what the manager said")
    func inheritance() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let manager = try ManagerSocket(folder.path("notify"))
            let environment = [
                "NOTIFY_SOCKET": folder.path("notify"), "WATCHDOG_USEC": "60000000", "MARK": "it-is-there",
            ]
            var program = try ChildProcess(
                ["exec", "--listen", "off", "--", "/usr/bin/env"],
                environment: environment
            )
            #expect(try program.end() == 0)
            #expect(program.lines.contains("MARK=it-is-there"))
            #expect(
                !program.lines.contains { $0.contains("NOTIFY_SOCKET") || $0.contains("WATCHDOG") },
                "\(program.lines)"
            )
            let messages = try manager.messages(until: "the end") { $0.hasPrefix("STOPPING=1\n") }
            #expect(messages.first == "READY=1")
        }
    }

    @Test("attach is ready once the process is watched")
    func attach() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let manager = try ManagerSocket(folder.path("notify"))
            var loop = try ChildProcess([], program: "CLoopFixture")
            _ = try loop.line("that it is ready") { $0 == "ready" }
            var daemon = try ChildProcess(
                ["attach", "\(loop.identifier)", "--listen", "off"],
                environment: ["NOTIFY_SOCKET": folder.path("notify"), "WATCHDOG_USEC": "400000"]
            )
            #expect(try manager.messages(until: "ready", where: Self.isReady) == ["READY=1"])
            _ = try manager.messages(until: "a sign of life") { $0 == "WATCHDOG=1" }
            daemon.signal(SIGTERM)
            _ = try manager.messages(until: "the end") { $0.hasPrefix("STOPPING=1\n") }
            #expect(try daemon.end() == 0)
        }
    }

    @Test("a watch without the threads that it consists of is none")
    func parts() {
        func component(_ name: String, _ isUp: Bool) -> ComponentSnapshot { ComponentSnapshot(name: name, isUp: isUp) }
        let all = ["log", "reports", "http", "watchdog"].map { component($0, true) }
        #expect(WatchStart.missingParts(all) == [])
        // Without a log or an endpoint it is still watched, as without them being asked for.
        #expect(WatchStart.missingParts([component("log", false), all[1], all[3]]) == [])
        #expect(WatchStart.missingParts([all[0], component("reports", false), all[3]]) == ["reports"])
        // It is not listed where there is no descriptor for its wake-up.
        #expect(WatchStart.missingParts([all[1]]) == ["watchdog"])
    }

    @Test("no sign of life reaches the manager while what does the work does not answer")
    func hanging() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let socket = try ManagerSocket(folder.path("notify"))
            let environment = ["NOTIFY_SOCKET": folder.path("notify"), "WATCHDOG_USEC": "100000"]
            var manager = ServiceManager(ServiceSettings(environment: environment, process: getpid()))
            var heard: [String] = []
            var unanswered: [@Sendable () -> Void] = []
            func look(_ count: Int, answers: Bool) {
                for _ in 0..<count {
                    _ = manager.look(
                        { _ in WatchProgress() },
                        prove: { unanswered.append($0) },
                        say: { heard.append($0) }
                    )
                    if answers {
                        for answer in unanswered { answer() }
                        unanswered = []
                    }
                    while let text = socket.next() { heard.append(text) }
                    poll(nil, 0, 30)
                }
            }
            look(20, answers: false)
            #expect(heard == ["READY=1", "STATUS=Watching for processes to come"])
            look(20, answers: true)
            #expect(heard.count { $0 == "WATCHDOG=1" } >= 5, "\(heard)")
        }
    }
}
