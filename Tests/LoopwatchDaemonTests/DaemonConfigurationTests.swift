// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

@Suite("The daemon's configuration")
struct DaemonConfigurationTests {
    private static func problems(_ text: String) -> [String] {
        guard case .failure(let problems) = DaemonConfigurationReader.read(text, file: "f") else { return [] }
        return problems.all.map(\.description)
    }

    @Test("what it says is what holds")
    func valid() throws {
        let text = """
            {
              // Where it is scraped.
              listen: "127.0.0.1:9700", allowed_hosts: ["a.example", "b.example"],
              log: "./warnings.log", report_burst: 20,
              threshold: "50ms", critical_threshold: "2s",
              processes: [
                { port: 8000, name: "api", threshold: "20ms" },
                { command: "node *", follow_children: false },
                { unit: "redis.service" },
                { pid: 42 },
              ],
            }
            """
        let configuration = try DaemonConfigurationReader.read(text, file: "f").get()
        let watch = configuration.watch
        #expect(watch.endpoint == .tcp(host: "127.0.0.1", port: 9700))
        #expect(watch.allowedHosts == ["a.example", "b.example"])
        #expect(watch.reportBurst == 20)
        #expect(watch.thresholds.warning == .milliseconds(50))
        #expect(watch.thresholds.critical == .seconds(2))
        #expect(!watch.watchesGlobalExecutor)
        let rules = configuration.rules
        #expect(
            rules.map(\.selector) == [
                .port(8000), .commandLine("node *"), .unit("redis.service"), .identifier(42),
            ]
        )
        #expect(rules.map(\.name) == ["api", nil, nil, nil])
        #expect(rules.map(\.followsChildren) == [true, false, true, true])
        #expect(rules[0].thresholds?.warning == .milliseconds(20))
        #expect(rules[1].thresholds == nil)
    }

    @Test("the example is a configuration")
    func example() throws {
        let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(folder)/config/loopwatch.json5"
        let text = try #require(String(validating: WholeFile.bytes(at: path, atMost: 65_536), as: UTF8.self))
        let configuration = try DaemonConfigurationReader.read(text, file: path).get()
        #expect(configuration.rules.map(\.selector) == [.port(8000), .commandLine("*redis-server *")])
    }

    @Test("everything that is wrong is told, in the order of the file, with line, column and key")
    func invalid() {
        let text = """
            {
              listn: "127.0.0.1:9700",
              threshold: "5",
              threshold: "50ms",
              log: 7,
              listen: "0.0.0.0:80",
              allow_remote: "yes",
              processes: [
                { port: 70000, prot: 1 },
                { port: 80, pid: 1 },
                { name: "" },
                { pid: 1, error_threshold: "1ms" },
                "x",
                { unit: "api" },
                { command: "a" }, { command: "a" },
              ],
            }
            """
        #expect(
            Self.problems(text) == [
                "f:2:3: listn: is not a key; expected one of listen, allow_remote, allowed_hosts, log, threshold, "
                    + "error_threshold, critical_threshold, report_burst, loops_limit, pools_limit, processes.",
                "f:3:14: threshold: '5' is not allowed; expected a duration from 5ms to 1d, such as 100ms.",
                "f:4:3: threshold: is given twice, first in line 3.",
                "f:5:8: log: a number is not allowed; expected a string.",
                "f:6:11: listen: '0.0.0.0:80' is not allowed; expected a loopback address or a Unix socket, "
                    + "unless allow_remote: true.",
                "f:7:17: allow_remote: a string is not allowed; expected true or false.",
                "f:9:13: processes[0].port: '70000' is not allowed; expected a number from 1 to 65535.",
                "f:9:20: processes[0].prot: is not a key; expected one of pid, command, port, unit, name, "
                    + "follow_children, threshold, error_threshold, critical_threshold.",
                "f:10:5: processes[1]: expected one of pid, command, port, unit; found pid and port.",
                "f:11:5: processes[2]: expected one of pid, command, port, unit; found none.",
                "f:11:13: processes[2].name: '' is not allowed; expected a name of at most 128 bytes.",
                "f:12:32: processes[3].error_threshold: '1ms' is not allowed; expected a duration not below the "
                    + "threshold, such as 1s.",
                "f:13:5: processes[4]: a string is not allowed; expected an object.",
                "f:14:13: processes[5].unit: 'api' is not allowed; expected the name of a unit, such as \"api.service\".",
                "f:15:23: processes[7]: processes whose command line has 'a': already meant above.",
            ]
        )
    }

    @Test(
        "a file without anything to watch says what is missing",
        arguments: [
            ("{}", "f:1:1: processes: is missing; expected a list of what to watch."),
            (
                "{ processes: [] }",
                "f:1:14: processes: expected a list of 1 to 256 objects, such as [{ port: 8000 }]."
            ),
            ("[]", "f:1:1: a list is not allowed; expected an object."),
            ("{ processes: [{ port: 1 }]", "f:1:1: the object that begins here has no end; expected }."),
        ]
    )
    func nothing(text: String, problem: String) {
        #expect(Self.problems(text) == [problem])
    }
}
