// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

/// The command `run` as a service manager runs it, with an event loop of another process before it.
@Suite("The daemon", .serialized, .timeLimit(.minutes(10)))
struct RunCommandTests {
    /// An event loop of another process that does what it is told.
    private final class Loop {
        private var process: ChildProcess

        init() throws {
            process = try ChildProcess([], program: "CLoopFixture")
            _ = try process.line("that it is ready") { $0 == "ready" }
        }

        var identifier: pid_t { process.identifier }

        func tell(_ text: String) { process.tell(text) }
    }

    /// Waits until a file has something; returns its lines.
    private static func lines(
        of file: String,
        in folder: TemporaryFolder,
        _ what: String,
        where matches: (String) -> Bool
    ) throws -> [String] {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while true {
            let text = folder.read(file)
            let lines = text.split(separator: "\n").map(String.init)
            if text.hasSuffix("\n"), lines.contains(where: matches) { return lines }
            guard Clock.now() < deadline else {
                throw NeverHappened(description: "never came: \(what); instead:\n\(text)")
            }
            poll(nil, 0, 20)
        }
    }

    private static func configuration(_ folder: TemporaryFolder, _ processes: String, listen: String = "off")
        -> String
    {
        """
        { listen: "\(listen)", log: "\(folder.path("w.log"))", threshold: "50ms", processes: [\(processes)] }
        """
    }

    @Test("ends soon at SIGTERM while a loop is blocked, with the block reported as ended")
    func termination() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let loop = try Loop()
            try folder.write("c.json5", Self.configuration(folder, "{ pid: \(loop.identifier), name: \"one\" }"))
            var daemon = try ChildProcess(["run", "--config", folder.path("c.json5")])
            _ = try Self.lines(of: "w.log", in: folder, "the loop") { $0.hasPrefix("loopwatch: one: loop ") }
            loop.tell("sleep 30000")
            _ = try Self.lines(of: "w.log", in: folder, "the block") {
                $0.contains("process=one") && $0.contains("state=begun")
            }
            let asked = Clock.now()
            daemon.signal(SIGTERM)
            #expect(try daemon.end() == 0)
            let milliseconds = Clock.now().nanoseconds(since: asked) / 1_000_000
            // It is some 100 ms; the machine that tests may be busy with others.
            #expect(milliseconds < 5_000)
            let log = folder.read("w.log").split(separator: "\n")
            let begun = log.first { $0.contains("state=begun") }.flatMap { Self.stall($0) }
            let ended = log.filter { $0.contains("state=ended") }
            #expect(ended.count == 1 && ended.first.flatMap { Self.stall($0) } == begun, "\(log)")
        }
    }

    @Test("takes up another configuration at SIGHUP, and goes on with what is the same in both")
    func reload() async throws {
        try await onOwnThread {
            let scene = try Scene()
            try scene.refuse()
            try scene.rotateAndAdd()
            try scene.removeAndEnd()
        }
    }

    /// A daemon, and two loops of which it is told one by one.
    private final class Scene {
        private let folder: TemporaryFolder
        private let one: Loop
        private let two: Loop
        private var daemon: ChildProcess
        private let first: String
        private let second: String

        init() throws {
            folder = try TemporaryFolder()
            one = try Loop()
            two = try Loop()
            first = "{ pid: \(one.identifier), name: \"one\" }"
            second = "{ pid: \(two.identifier), name: \"two\" }"
            try folder.write("c.json5", RunCommandTests.configuration(folder, first))
            daemon = try ChildProcess(["run", "--config", folder.path("c.json5")])
            _ = try log("the loop", has: "loopwatch: one: loop ")
        }

        private func log(_ what: String, has words: String...) throws -> [String] {
            try RunCommandTests.lines(of: "w.log", in: folder, what) { line in words.allSatisfy { line.contains($0) } }
        }

        /// A file with errors changes nothing.
        func refuse() throws {
            try folder.write("c.json5", "{ listen: \"off\", processes: [ { port: \"x\" } ] }")
            daemon.signal(SIGHUP)
            let log = try log("the refusal", has: "stays as it was")
            #expect(log.contains { $0.contains("c.json5:1:") && $0.contains("processes[0].port") }, "\(log)")
        }

        /// The log is rotated, and a process is added, while the first is blocked.
        func rotateAndAdd() throws {
            one.tell("sleep 3000")
            let before = try log("the block", has: "process=one", "state=begun")
            let renamed = rename(folder.path("w.log"), folder.path("w.log.1"))
            #expect(renamed == 0)
            let both = RunCommandTests.configuration(folder, first + ", " + second, listen: "127.0.0.1:0")
            try folder.write("c.json5", both)
            daemon.signal(SIGHUP)
            _ = try log("the second loop", has: "loopwatch: two: loop ")
            let after = try log("the end of the block", has: "process=one", "state=ended")
            #expect(after.contains { $0.contains("the configuration was read again: ") })
            #expect(after.contains { $0.contains(": listen has changed, which a restart takes up") })
            #expect(!after.contains { $0.hasPrefix("loopwatch: one: loop ") }, "it was watched anew")
            let begun = before.last { $0.contains("state=begun") }.flatMap { RunCommandTests.stall($0) }
            let ended = after.last { $0.contains("process=one") && $0.contains("state=ended") }
            let same = ended.flatMap { RunCommandTests.stall($0) }
            #expect(begun != nil && same == begun, "\(after)")
            two.tell("sleep 200")
            _ = try log("a block of the second", has: "process=two", "state=ended")
        }

        /// The first is not meant any more.
        func removeAndEnd() throws {
            try folder.write("c.json5", RunCommandTests.configuration(folder, second))
            daemon.signal(SIGHUP)
            let folder = folder
            _ = try RunCommandTests.lines(of: "w.log", in: folder, "the third configuration") { _ in
                folder.read("w.log").split(separator: "\n").count { $0.contains("was read again") } == 2
            }
            daemon.signal(SIGTERM)
            let status = try daemon.end()
            #expect(status == 0)
            let errors = daemon.errors()
            #expect(errors.isEmpty)
        }
    }

    private static func stall(_ line: some StringProtocol) -> UInt64? {
        guard let start = line.firstRange(of: " stall=")?.upperBound else { return nil }
        return UInt64(line[start...].prefix { $0.isNumber })
    }

    @Test("what a restart takes up is told, and what holds at once is taken")
    func keys() throws {
        func read(_ text: String) throws -> DaemonConfiguration {
            try DaemonConfigurationReader.read("{ \(text), processes: [{ pid: 1 }] }", file: "c").get()
        }
        var old = try read("listen: '127.0.0.1:1', log: '/a', threshold: '100ms'")
        let new = try read("listen: 'off', log: 'stderr', threshold: '50ms', report_burst: 3, loops_limit: 5")
        #expect(new.keysForRestart(since: old) == ["listen", "log", "report_burst", "loops_limit"])
        #expect(old.keysForRestart(since: old) == [])
        let rule = old.rules[0]
        #expect(old.options(of: rule).thresholds.warning == .milliseconds(100))
        old.take(new)
        #expect(old.options(of: rule).thresholds.warning == .milliseconds(50))
        #expect(old.watch.endpoint == .tcp(host: "127.0.0.1", port: 1))
    }
}
