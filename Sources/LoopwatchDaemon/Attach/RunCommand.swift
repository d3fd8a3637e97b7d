// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The command `loopwatch run`: watches what a file says, until a signal comes.
struct RunCommand {
    let options: RunOptions
    let output: Console

    /// Watches; warnings go where the file says.
    ///
    /// - Throws: ``CommandError`` when the file is no configuration, or the watch cannot be started.
    func run() throws(CommandError) {
        let configuration = try ConfigurationFile.read(options.path, output: Console(.standardError))
        let signals = TerminationSignals()
        let started = Clock.now()
        let deadline = options.duration.map { started.advanced(byNanoseconds: $0.wholeNanoseconds) }
        let watch = try WatchStart.start(configuration.watch, isEndpointChosen: true)
        var watching = ProcessWatching(
            rules: configuration.rules,
            watch: watch,
            options: { rule in
                AttachedProcess.Options(thresholds: rule.thresholds ?? configuration.watch.thresholds)
            },
            say: { watch.note($0) }
        )
        var isOver = false
        while !isOver {
            let now = Clock.now()
            // What is not there yet may come.
            _ = watching.look(now: now)
            let next = now.advanced(byNanoseconds: ProcessWatching.lookNanoseconds)
            isOver = signals.wait(until: deadline.map { min($0, next) } ?? next)
            if let deadline, Clock.now() >= deadline { isOver = true }
        }
        signals.letNextEndProcess()
        watching.stop()
        watch.stop()
    }
}
