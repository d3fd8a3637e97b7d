// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// How the demo is watched: what the command line says, then the environment, then what suits a demo.
struct DemoConfiguration {
    /// What the watch is started with; it has no destination for warnings yet but what was asked for.
    var watch: WatchConfiguration
    /// Whether someone asked for the endpoint's address, so that no other will do.
    var isEndpointChosen: Bool

    /// Where the endpoint listens if nothing else is said.
    static let endpoint = EndpointAddress.standard
    /// Thresholds that the demo can exceed without dragging on.
    static let thresholds = Duration.milliseconds(5)...Duration.seconds(1)
    /// What is said to someone who asks for another threshold.
    static let thresholdExpected = "a duration from 5ms to 1s, such as 50ms"
    /// The default threshold as it is written in options.
    static let thresholdText = "100ms"

    /// Puts the configuration together.
    ///
    /// - Parameters:
    ///   - options: what the command line says; beats the environment.
    ///   - environment: all environment variables.
    /// - Throws: ``CommandError`` that names the option or the variable, the value and what is allowed.
    init(options: DemoOptions, environment: [String: String]) throws(CommandError) {
        var environment = environment
        var base = WatchConfiguration()
        base.processName = "loopwatch-demo"
        base.endpoint = Self.endpoint
        // What is printed goes by the demo's own closure; standard error would double it on a terminal.
        base.log = []
        isEndpointChosen = options.endpoint != nil || environment["LOOPWATCH_LISTEN"] != nil
        if let endpoint = options.endpoint {
            base.endpoint = endpoint
            environment["LOOPWATCH_LISTEN"] = nil
        }
        if let threshold = options.threshold {
            base.thresholds = Thresholds(warning: threshold)
            environment["LOOPWATCH_THRESHOLD"] = nil
        }
        if let path = options.logPath {
            base.log = [.file(path: path)]
            environment["LOOPWATCH_LOG"] = nil
        }
        do throws(ConfigurationError) {
            watch = try WatchConfiguration(environment: environment, base: base)
        } catch {
            guard error.key == "LOOPWATCH_LISTEN", options.endpoint != nil else { throw .configuration(error) }
            throw .usage(option: "--listen", value: error.value, expected: error.expected)
        }
        guard Self.thresholds.contains(watch.thresholds.warning) else {
            throw .configuration(
                ConfigurationError(
                    key: "LOOPWATCH_THRESHOLD",
                    value: environment["LOOPWATCH_THRESHOLD"] ?? "\(watch.thresholds.warning)",
                    expected: "for the demo " + Self.thresholdExpected
                )
            )
        }
    }
}
