// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchPlatform

/// The program `loopwatch`: everything but its first line.
package enum LoopwatchCommand {
    /// Does what the command line asks for; returns what the process is to end with.
    ///
    /// To be called on the main thread, before the process has started any other: it decides on which thread signals
    /// arrive.
    ///
    /// - Parameter arguments: the command line without the program's name.
    package static func run(arguments: [String]) -> Int32 {
        // Not a command for people: by it the program has files read by a process that may come to a bad end.
        if arguments.first == LineService.command { return LineService.run(Array(arguments.dropFirst())) }
        let output = Console(.standardOutput)
        do throws(CommandError) {
            switch try CommandParser.parse(arguments) {
            case .help(let help):
                output.write(help.text)
            case .version:
                output.write("loopwatch \(Loopwatch.version)\n")
            case .demo(let options):
                let configuration = try DemoConfiguration(
                    options: options,
                    environment: ProcessEnvironment.variables()
                )
                try DemoCommand(configuration: configuration, seconds: options.seconds, output: output).run()
            case .stack(let options):
                try StackCommand(options: options, output: output).run()
            case .attach(let options):
                try AttachCommand(options: options, output: output).run(environment: ProcessEnvironment.variables())
            case .exec(let options):
                let code = try ExecCommand(options: options, output: output)
                    .run(environment: ProcessEnvironment.variables())
                if output.failure == nil { return code }
            case .run(let options):
                try RunCommand(options: options, output: output).run()
            case .checkConfiguration(let path):
                let errors = Console(.standardError)
                _ = try ConfigurationFile.read(path) { errors.line($0) }
                output.line("\(path): this is a configuration that loopwatch run takes.")
            case .top(let options):
                try TopCommand(options: options, output: output).run(environment: ProcessEnvironment.variables())
            case .tail(let options):
                try TailCommand(options: options, output: output).run()
            case .report(let options):
                try ReportCommand(options: options, output: output).run()
            case .completion(let shell):
                output.write(CompletionScript.text(for: shell))
            case .manual:
                output.write(ManualPage.text())
            }
            if let failure = output.failure { throw .output(failure) }
            return ExitCode.success.rawValue
        } catch {
            Console(.standardError).line("loopwatch: \(error.message)")
            return error.exitCode.rawValue
        }
    }
}
