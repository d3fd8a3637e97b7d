// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The command `loopwatch attach`: watches processes that run already until they end, a signal comes or the time is up.
struct AttachCommand {
    let options: AttachOptions
    let output: Console

    /// Watches, and prints what the watch says.
    ///
    /// - Throws: ``CommandError`` when there is no such process, or none that can be watched.
    func run(environment: [String: String]) throws(CommandError) {
        let configuration = try AttachConfiguration(options: options.watch, environment: environment)
        let rule = DaemonConfiguration.Rule(
            selector: options.selector,
            name: options.watch.name,
            followsChildren: options.followsChildren
        )
        guard !ProcessFinder(rules: [rule]).find().isEmpty else {
            throw .unavailable(ProcessFinder.reason(options.selector))
        }
        var manager = ServiceManager.take()
        let signals = TerminationSignals()
        let started = Clock.now()
        let deadline = options.duration.map { started.advanced(byNanoseconds: $0.wholeNanoseconds) }
        let output = output
        output.onClose { TerminationSignals.raise() }
        let watch = try WatchOutput.start(configuration, output: output)
        try WatchStart.requireParts(of: watch)
        var watching = ProcessWatching(
            rules: [rule],
            watch: watch,
            options: { _ in configuration.process },
            say: { output.line("loopwatch: \($0)") }
        )
        var nextLook = started
        var isOver = false
        while !isOver {
            let now = Clock.now()
            if now >= nextLook {
                guard watching.look(now: now) else {
                    output.line("loopwatch: nothing is left to watch.")
                    break
                }
                nextLook = now.advanced(byNanoseconds: ProcessWatching.lookNanoseconds)
            }
            let nextNotice = manager.look(
                { watching.progress(now: now, hangingAfter: $0) },
                prove: { watch.flush($0) },
                say: { output.line("loopwatch: \($0)") }
            )
            isOver = signals.wait(until: [nextLook, deadline, nextNotice].compactMap(\.self).min())
            if let deadline, Clock.now() >= deadline { isOver = true }
        }
        manager.stop()
        output.onClose(nil)
        signals.letNextEndProcess()
        watching.stop()
        watch.stop()
    }
}
