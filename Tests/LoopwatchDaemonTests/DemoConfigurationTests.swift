// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

/// What of the options, the environment and the defaults holds.
@Suite("The demo's configuration")
struct DemoConfigurationTests {
    @Test("has defaults, and writes to nothing but what is asked for")
    func defaults() throws {
        let configuration = try DemoConfiguration(options: DemoOptions(), environment: ["PATH": "/bin"])
        #expect(configuration.watch.endpoint == .standard)
        #expect(configuration.watch.thresholds == Thresholds(warning: .milliseconds(100)))
        #expect(configuration.watch.log.isEmpty)
        #expect(!configuration.isEndpointChosen)
        #expect(DurationText.parse(DemoConfiguration.thresholdText) == configuration.watch.thresholds.warning)
    }

    @Test("follows the environment")
    func environment() throws {
        let configuration = try DemoConfiguration(
            options: DemoOptions(),
            environment: ["LOOPWATCH_THRESHOLD": "30ms", "LOOPWATCH_LISTEN": "off", "LOOPWATCH_LOG": "stderr"]
        )
        #expect(configuration.watch.endpoint == nil)
        #expect(configuration.watch.thresholds == Thresholds(warning: .milliseconds(30)))
        #expect(configuration.watch.log.count == 1)
        #expect(configuration.isEndpointChosen)
    }

    @Test("follows the options before the environment, even where that could not be read")
    func options() throws {
        let configuration = try DemoConfiguration(
            options: DemoOptions(
                endpoint: .unix(path: "/run/demo"),
                threshold: .milliseconds(50),
                logPath: "demo.log"
            ),
            environment: [
                "LOOPWATCH_THRESHOLD": "much", "LOOPWATCH_LISTEN": "somewhere", "LOOPWATCH_LOG": "nowhere",
                "LOOPWATCH_ERROR_THRESHOLD": "200ms",
            ]
        )
        #expect(configuration.watch.endpoint == .unix(path: "/run/demo"))
        #expect(configuration.watch.thresholds.warning == .milliseconds(50))
        #expect(configuration.watch.thresholds.error == .milliseconds(200))
        guard case .file("demo.log") = configuration.watch.log.first else {
            Issue.record("\(configuration.watch.log)")
            return
        }
    }

    @Test(
        "that is not allowed is an error of the configuration",
        arguments: [
            ["LOOPWATCH_THRESHOLD", "much", "LOOPWATCH_THRESHOLD: 'much' is not allowed;"],
            [
                "LOOPWATCH_THRESHOLD", "2s",
                "LOOPWATCH_THRESHOLD: '2s' is not allowed; expected for the demo a duration",
            ],
            ["LOOPWATCH_TRESHOLD", "2s", "LOOPWATCH_TRESHOLD: '2s' is not allowed;"],
            ["LOOPWATCH_LISTEN", "0.0.0.0:1", "LOOPWATCH_LISTEN: '0.0.0.0:1' is not allowed;"],
        ]
    )
    func refused(_ row: [String]) {
        let error = #expect(throws: CommandError.self) {
            try DemoConfiguration(options: DemoOptions(), environment: [row[0]: row[1]])
        }
        #expect(error?.exitCode == .configuration)
        #expect(error?.message.hasPrefix(row[2]) == true, "\(error?.message ?? "no error")")
    }

    @Test("names the option where the option is to blame")
    func refusedOption() throws {
        let options = DemoOptions(endpoint: .tcp(host: "0.0.0.0", port: 1))
        let error = #expect(throws: CommandError.self) {
            try DemoConfiguration(options: options, environment: [:])
        }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.hasPrefix("--listen: '0.0.0.0:1' is not allowed;") == true)
        _ = try DemoConfiguration(options: options, environment: ["LOOPWATCH_ALLOW_REMOTE": "true"])
    }
}
