// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// The bounds of everything that can be set.
@Suite("Configuration")
struct WatchConfigurationTests {
    private func error(_ change: (inout WatchConfiguration) -> Void) -> ConfigurationError? {
        var configuration = WatchConfiguration()
        change(&configuration)
        do throws(ConfigurationError) {
            try configuration.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test("the default configuration is allowed")
    func defaults() {
        #expect(error { _ in } == nil)
    }

    @Test("a resolution is allowed from 1 ms to 10 s")
    func resolution() {
        for allowed in [Duration.milliseconds(1), .seconds(10)] { #expect(error { $0.resolution = allowed } == nil) }
        for refused in [
            Duration.microseconds(999), .seconds(10) + .nanoseconds(1), .zero, .seconds(-1), .seconds(Int64.max),
        ] {
            let error = error { $0.resolution = refused }
            #expect(error?.key == "resolution" && error?.value == "\(refused)")
            #expect(error?.expected == "a duration from 1 ms to 10 s")
        }
    }

    @Test(
        "numbers are allowed from 1 to their limit",
        arguments: [
            ("loopsLimit", Limits.loopsMaximum), ("poolsLimit", Limits.poolsMaximum),
            ("reportBurst", Limits.reportBurstMaximum),
        ]
    )
    func numbers(key: String, limit: Int) {
        func error(_ value: Int) -> ConfigurationError? {
            self.error { configuration in
                switch key {
                case "loopsLimit": configuration.loopsLimit = value
                case "poolsLimit": configuration.poolsLimit = value
                default: configuration.reportBurst = value
                }
            }
        }
        #expect(error(1) == nil && error(limit) == nil)
        for refused in [0, -1, limit + 1, .max, .min] {
            #expect(
                error(refused)?.description
                    == "\(key): '\(refused)' is not allowed; expected a number from 1 to \(limit)."
            )
        }
    }

    @Test("thresholds are checked too")
    func thresholds() {
        #expect(error { $0.thresholds.warning = .milliseconds(4) }?.key == "thresholds.warning")
        #expect(error { $0.thresholds.error = .milliseconds(50) }?.key == "thresholds")
    }

    @Test("a name is allowed up to its number of bytes, not of characters")
    func processName() {
        #expect(error { $0.processName = String(repeating: "a", count: Limits.processNameBytes) } == nil)
        #expect(error { $0.processName = String(repeating: "ä", count: Limits.processNameBytes / 2) } == nil)
        #expect(error { $0.processName = String(repeating: "ä", count: Limits.processNameBytes / 2 + 1) } != nil)
    }

    @Test("an endpoint that others can reach is allowed only if that is asked for")
    func endpoint() {
        let remote = EndpointAddress.tcp(host: "0.0.0.0", port: 80)
        #expect(error { $0.endpoint = nil } == nil)
        #expect(error { $0.endpoint = .unix(path: "/run/a") } == nil)
        #expect(error { $0.endpoint = remote }?.key == "endpoint")
        #expect(error { $0.endpoint = remote }?.value == "0.0.0.0:80")
        #expect(
            error {
                $0.endpoint = remote
                $0.allowsRemoteAccess = true
            } == nil
        )
    }

    @Test("a log file has a path")
    func log() {
        #expect(error { $0.log = [] } == nil)
        #expect(error { $0.log = [.standardError, .file(path: "a")] } == nil)
        #expect(error { $0.log = [.standardError, .file(path: "")] }?.key == "log")
        #expect(error { $0.log = [.file(path: "a\u{0}b")] }?.key == "log")
    }
}
