// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// The configuration as environment variables.
@Suite("Environment variables")
struct EnvironmentTests {
    private static let good: [(String, String, @Sendable (WatchConfiguration) -> Bool)] = [
        ("LOOPWATCH_RESOLUTION", "1ms", { $0.resolution == .milliseconds(1) }),
        ("LOOPWATCH_RESOLUTION", "10s", { $0.resolution == .seconds(10) }),
        ("LOOPWATCH_THRESHOLD", "5ms", { $0.thresholds == Thresholds(warning: .milliseconds(5)) }),
        ("LOOPWATCH_THRESHOLD", "1d", { $0.thresholds.warning == .seconds(86_400) }),
        ("LOOPWATCH_ERROR_THRESHOLD", "100ms", { $0.thresholds.error == .milliseconds(100) }),
        ("LOOPWATCH_ERROR_THRESHOLD", "1h", { $0.thresholds.critical == .seconds(3_600) }),
        ("LOOPWATCH_CRITICAL_THRESHOLD", "1s", { $0.thresholds.critical == .seconds(1) }),
        ("LOOPWATCH_LISTEN", "off", { $0.endpoint == nil }),
        ("LOOPWATCH_LISTEN", "[::1]:0", { $0.endpoint == .tcp(host: "::1", port: 0) }),
        ("LOOPWATCH_LISTEN", "unix:/run/a", { $0.endpoint == .unix(path: "/run/a") }),
        ("LOOPWATCH_ALLOW_REMOTE", "true", { $0.allowsRemoteAccess }),
        ("LOOPWATCH_ALLOW_REMOTE", "false", { !$0.allowsRemoteAccess }),
        ("LOOPWATCH_ALLOWED_HOSTS", "a,b.example", { $0.allowedHosts == ["a", "b.example"] }),
        ("LOOPWATCH_LOG", "stderr", { $0.log.count == 1 }),
        ("LOOPWATCH_LOG", "off", { $0.log.isEmpty }),
        ("LOOPWATCH_LOG", "/var/log/a", { if case .file("/var/log/a") = $0.log.first { true } else { false } }),
        ("LOOPWATCH_LOG", "./a", { if case .file("./a") = $0.log.first { true } else { false } }),
        ("LOOPWATCH_REPORT_BURST", "1000000", { $0.reportBurst == 1_000_000 }),
        ("LOOPWATCH_PROCESS_NAME", "shop", { $0.processName == "shop" }),
        ("LOOPWATCH_GLOBAL_EXECUTOR", "false", { !$0.watchesGlobalExecutor }),
        ("LOOPWATCH_ACCOUNTING", "runs", { $0.poolAccounting == .runs }),
        ("LOOPWATCH_ACCOUNTING", "off", { $0.poolAccounting == .off }),
        ("LOOPWATCH_LOOPS_LIMIT", "1024", { $0.loopsLimit == 1_024 }),
        ("LOOPWATCH_STACKS", "off", { $0.stackCapture == .off }),
        ("LOOPWATCH_STACKS", "passive", { $0.stackCapture == .passive }),
        ("LOOPWATCH_CAPTURE_SIGNAL", "12", { $0.captureSignal == 12 }),
        ("LOOPWATCH_CAPTURE_SIGNAL", "40", { $0.captureSignal == 40 }),
        ("LOOPWATCH_POOLS_LIMIT", "1", { $0.poolsLimit == 1 }),
    ]

    private static let bad: [(String, [String])] = [
        ("LOOPWATCH_RESOLUTION", ["", "10", "999us", "10001ms", "-1ms", "1d"]),
        ("LOOPWATCH_THRESHOLD", ["", "100", "4ms", "4999us", "25h", "1.5s"]),
        ("LOOPWATCH_ERROR_THRESHOLD", ["", "99ms", "2d", "1"]),
        ("LOOPWATCH_CRITICAL_THRESHOLD", ["", "999ms", "2d", "1"]),
        ("LOOPWATCH_LISTEN", ["", "OFF", "none", "host", "127.0.0.1:65536", "unix:a"]),
        ("LOOPWATCH_ALLOW_REMOTE", ["", "yes", "1", "TRUE"]),
        ("LOOPWATCH_ALLOWED_HOSTS", ["", "a,", ",a", "a,,b", "a, b", "a\tb"]),
        ("LOOPWATCH_LOG", ["", "stdout", "a/b", "STDERR"]),
        ("LOOPWATCH_REPORT_BURST", ["", "0", "-1", "+1", "1000001", "1.0", " 1", "99999999999999999999"]),
        ("LOOPWATCH_PROCESS_NAME", ["", String(repeating: "a", count: 129)]),
        ("LOOPWATCH_GLOBAL_EXECUTOR", ["", "no", "0"]),
        ("LOOPWATCH_ACCOUNTING", ["", "on", "Exact", "beats"]),
        ("LOOPWATCH_LOOPS_LIMIT", ["", "0", "1025", "-1"]),
        ("LOOPWATCH_STACKS", ["", "on", "Full"]),
        ("LOOPWATCH_CAPTURE_SIGNAL", ["", "9", "11", "19", "32", "65", "SIGPROF"]),
        ("LOOPWATCH_POOLS_LIMIT", ["", "0", "65", "-1"]),
    ]

    @Test("every variable is understood, and what comes of it is allowed")
    func good() throws {
        for (name, value, holds) in Self.good {
            let configuration = try WatchConfiguration(environment: [name: value, "PATH": "/bin", "LOOPWATCHER": "x"])
            #expect(holds(configuration), "\(name)=\(value)")
            #expect(throws: Never.self, "\(name)=\(value)") { try configuration.validate() }
        }
    }

    @Test("a bad value is an error that names the variable, the value and what is allowed")
    func bad() {
        for (name, values) in Self.bad {
            let expected = WatchConfiguration.environmentVariables.first { $0.name == name }?.expected ?? ""
            for value in values {
                let error = #expect(throws: ConfigurationError.self, "\(name)=\(value)") {
                    try WatchConfiguration(environment: [name: value])
                }
                #expect(error == ConfigurationError(key: name, value: value, expected: expected))
                #expect(error?.description == "\(name): '\(value)' is not allowed; expected \(expected).")
            }
        }
    }

    @Test("every variable that there is has been tried above")
    func complete() {
        let names = Set(WatchConfiguration.environmentVariables.map(\.name))
        #expect(Set(Self.good.map(\.0)) == names)
        #expect(Set(Self.bad.map(\.0)) == names)
    }

    @Test("a misspelt variable is an error that names those that there are")
    func misspelt() {
        let error = #expect(throws: ConfigurationError.self) {
            try WatchConfiguration(environment: ["LOOPWATCH_TRESHOLD": "5ms"])
        }
        #expect(error?.key == "LOOPWATCH_TRESHOLD" && error?.value == "5ms")
        for (name, _) in WatchConfiguration.environmentVariables { #expect(error?.expected.contains(name) == true) }
    }

    @Test("variables that are not set leave what was there, and those that are not ours are passed over")
    func base() throws {
        var base = WatchConfiguration()
        base.resolution = .milliseconds(3)
        base.thresholds = Thresholds(warning: .milliseconds(7), error: .milliseconds(8), critical: .milliseconds(9))
        base.endpoint = nil
        base.allowedHosts = ["a"]
        base.log = []
        base.reportBurst = 4
        base.processName = "b"
        base.watchesGlobalExecutor = false
        base.loopsLimit = 5
        base.poolsLimit = 6
        let same = try WatchConfiguration(environment: ["loopwatch_log": "x"], base: base)
        #expect(same.resolution == base.resolution && same.thresholds == base.thresholds && same.endpoint == nil)
        #expect(same.allowedHosts == ["a"] && same.log.isEmpty && same.reportBurst == 4 && same.processName == "b")
        #expect(!same.watchesGlobalExecutor && same.loopsLimit == 5 && same.poolsLimit == 6)
    }

    @Test("thresholds that are set together are held against each other")
    func together() throws {
        let together = try WatchConfiguration(
            environment: [
                "LOOPWATCH_THRESHOLD": "50ms", "LOOPWATCH_ERROR_THRESHOLD": "60ms",
                "LOOPWATCH_CRITICAL_THRESHOLD": "70ms",
            ]
        )
        #expect(
            together.thresholds
                == Thresholds(warning: .milliseconds(50), error: .milliseconds(60), critical: .milliseconds(70))
        )
        let error = #expect(throws: ConfigurationError.self) {
            try WatchConfiguration(environment: [
                "LOOPWATCH_THRESHOLD": "50ms", "LOOPWATCH_CRITICAL_THRESHOLD": "400ms",
            ])
        }
        #expect(error?.key == "LOOPWATCH_CRITICAL_THRESHOLD")
    }

    @Test("listening where others can reach it has to be allowed")
    func remote() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try WatchConfiguration(environment: ["LOOPWATCH_LISTEN": "0.0.0.0:80"])
        }
        #expect(error?.key == "LOOPWATCH_LISTEN" && error?.value == "0.0.0.0:80")
        #expect(error?.expected.contains("LOOPWATCH_ALLOW_REMOTE=true") == true)
        let allowed = try WatchConfiguration(
            environment: ["LOOPWATCH_LISTEN": "0.0.0.0:80", "LOOPWATCH_ALLOW_REMOTE": "true"]
        )
        try allowed.validate()
    }
}
