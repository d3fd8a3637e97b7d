// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
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
        let errors = Console(.standardError)
        var configuration = try ConfigurationFile.read(options.path) { errors.line($0) }
        var manager = ServiceManager.take()
        let signals = TerminationSignals(hangupReloads: true)
        let started = Clock.now()
        let deadline = options.duration.map { started.advanced(byNanoseconds: $0.wholeNanoseconds) }
        let watch = try WatchStart.start(configuration.watch, isEndpointChosen: true)
        try WatchStart.requireParts(of: watch)
        var isRefused = false
        var watching = ProcessWatching(
            rules: configuration.rules,
            watch: watch,
            options: configuration.options(of:),
            say: { watch.note($0) }
        )
        var nextLook = started
        var isOver = false
        while !isOver {
            let now = Clock.now()
            if now >= nextLook {
                // What is not there yet may come.
                _ = watching.look(now: now)
                nextLook = now.advanced(byNanoseconds: ProcessWatching.lookNanoseconds)
            }
            let nextNotice = manager.look(
                {
                    var progress = watching.progress(now: now, hangingAfter: $0)
                    progress.isReloadRefused = isRefused
                    return progress
                },
                prove: { watch.flush($0) },
                say: { watch.note($0) }
            )
            switch signals.next(until: [nextLook, deadline, nextNotice].compactMap(\.self).min()) {
            case SIGHUP:
                manager.reload()
                watch.reopenLogs()
                isRefused = !reload(&configuration, watch, &watching)
                nextLook = Clock.now()
            case nil: if let deadline, Clock.now() >= deadline { isOver = true }
            default: isOver = true
            }
        }
        manager.stop()
        signals.letNextEndProcess()
        watching.stop()
        watch.stop()
    }

    /// Reads the file again; one with errors changes nothing.
    ///
    /// - Returns: whether it was taken up.
    private func reload(
        _ configuration: inout DaemonConfiguration,
        _ watch: Loopwatch,
        _ watching: inout ProcessWatching
    ) -> Bool {
        let new: DaemonConfiguration
        do throws(CommandError) {
            new = try ConfigurationFile.read(options.path) { watch.note($0) }
        } catch {
            watch.note("the configuration stays as it was: \(error.message)")
            return false
        }
        for key in new.keysForRestart(since: configuration) {
            watch.note("\(options.path): \(key) has changed, which a restart takes up; until then it stays as it was")
        }
        configuration.take(new)
        watching.change(rules: configuration.rules, options: configuration.options(of:))
        watch.note("the configuration was read again: \(options.path)")
        return true
    }
}
