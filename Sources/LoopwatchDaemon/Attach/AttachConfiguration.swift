// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// How processes are watched that the command line names: what it says, then the environment, then the defaults.
struct AttachConfiguration {
    /// What the watch is started with.
    var watch: WatchConfiguration
    /// Whether someone asked for the endpoint's address, so that no other will do.
    var isEndpointChosen: Bool
    private let options: WatchOptions

    /// Puts the configuration together.
    ///
    /// - Throws: ``CommandError`` that names the option or the variable, the value and what is allowed.
    init(options: WatchOptions, environment: [String: String]) throws(CommandError) {
        var environment = environment
        var base = DaemonConfiguration.watchBase
        // What is printed goes by the command's own closure; standard error would double it on a terminal.
        base.log = []
        isEndpointChosen = options.endpoint != nil || environment["LOOPWATCH_LISTEN"] != nil
        if options.endpoint != nil || options.isEndpointOff {
            base.endpoint = options.endpoint
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
        self.options = options
    }

    /// How a process is watched.
    var process: AttachedProcess.Options {
        AttachedProcess.Options(
            thresholds: watch.thresholds,
            rung: options.rung,
            allowsStop: options.allowsStop
        )
    }
}
