// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The command `loopwatch exec`: starts a program, and watches it until it ends.
struct ExecCommand {
    let options: ExecOptions
    let output: Console

    /// Time between looks whether the program has ended, in nanoseconds.
    private static let lookNanoseconds: Int64 = 100_000_000

    /// Runs the program; returns what it ended with: its exit code, or 128 and the number of the signal that ended it.
    ///
    /// - Throws: ``CommandError`` when the program cannot be started.
    func run(environment: [String: String]) throws(CommandError) -> Int32 {
        let configuration = try AttachConfiguration(options: options.watch, environment: environment)
        // The program is a part of this service: what the manager says is not meant for it.
        var manager = ServiceManager.take()
        let signals = TerminationSignals()
        let output = output
        // A program that prints nowhere any more is its own affair: its end ends this one.
        let watch = try WatchOutput.start(configuration, output: output)
        let child: Int32
        do {
            child = try ChildProgram.start(options.command)
        } catch {
            watch.stop()
            throw .unavailable("\(options.command[0]) cannot be started: \(error).")
        }
        // What it is called is taken from the command: the process itself may be a shell yet, which starts the program.
        let program = ProcessEntry(
            identifier: child,
            parent: 0,
            startTicks: 0,
            shortName: "",
            arguments: options.command
        )
        let name = options.watch.name ?? program.programName
        var watching = ProcessWatching(
            rules: [DaemonConfiguration.Rule(selector: .identifier(child), name: name)],
            watch: watch,
            options: { _ in configuration.process },
            say: { output.line("loopwatch: \($0)") }
        )
        var nextSearch = Clock.now()
        var code: Int32?
        while code == nil {
            let now = Clock.now()
            if now >= nextSearch {
                _ = watching.look(now: now)
                nextSearch = now.advanced(byNanoseconds: ProcessWatching.lookNanoseconds)
            }
            let next = now.advanced(byNanoseconds: Self.lookNanoseconds)
            let nextNotice = manager.look(
                { _ in
                    // The program is what the service is: it is there by now, and no worse for being watched badly.
                    var progress = watching.progress(now: now, hangingAfter: .max)
                    progress.unseen = 0
                    return progress
                },
                prove: { $0() },
                say: { output.line("loopwatch: \($0)") }
            )
            if signals.wait(until: min(nextNotice ?? next, next)) {
                manager.stop()
                kill(child, SIGTERM)
            }
            code = ChildProgram.exitCode(of: child)
        }
        manager.stop()
        watching.stop()
        watch.stop()
        return code ?? ExitCode.unavailable.rawValue
    }
}

/// A program that was started as a child.
enum ChildProgram {
    /// Starts a program, found by PATH, with the signals as a program expects them.
    ///
    /// - Throws: ``SystemError`` when it cannot be started.
    static func start(_ command: [String]) throws -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // This process blocks the signals that it waits for, and a child would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, command[0], nil, &attributes, arguments, environ)
        guard code == 0 else { throw SystemError(operation: "start", code: code) }
        return child
    }

    /// What a child ended with; `nil` as long as it has not.
    static func exitCode(of child: Int32) -> Int32? {
        var status: CInt = 0
        let result = retryingInterrupted { waitpid(child, &status, WNOHANG) }
        if result == 0 { return nil }
        guard result == child else { return ExitCode.unavailable.rawValue }
        // WIFSIGNALED and WEXITSTATUS are macros (wait(2)).
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}
