// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("The command line of attach, exec, run and check-config")
struct AttachParserTests {
    private static func parse(_ line: String) throws -> Command {
        try CommandParser.parse(line.split(separator: " ").map(String.init))
    }

    @Test("asks for what it says")
    func accepted() throws {
        #expect(try Self.parse("attach 42") == .attach(AttachOptions(selector: .identifier(42))))
        var options = AttachOptions(selector: .port(8000))
        options.duration = .seconds(60)
        options.followsChildren = false
        options.watch.threshold = .milliseconds(50)
        options.watch.endpoint = .tcp(host: "127.0.0.1", port: 0)
        options.watch.logPath = "x.log"
        options.watch.name = "api"
        options.watch.allowsStop = false
        options.watch.rung = .executionBreakpoints
        let line =
            "attach --port 8000 --duration=60s --no-children --threshold 50ms --listen 127.0.0.1:0 --log x.log "
            + "--process-name api --no-stop --evidence breakpoints"
        #expect(try Self.parse(line) == .attach(options))
        #expect(try Self.parse("attach --name uvicorn") == .attach(AttachOptions(selector: .commandLine("uvicorn"))))
        var silent = AttachOptions(selector: .identifier(1))
        silent.watch.isEndpointOff = true
        #expect(try Self.parse("attach --listen off 1") == .attach(silent))
        #expect(try Self.parse("exec -- ls -l") == .exec(ExecOptions(command: ["ls", "-l"])))
        #expect(try Self.parse("exec ls --name x") == .exec(ExecOptions(command: ["ls", "--name", "x"])))
        var exec = ExecOptions(command: ["--odd"])
        exec.watch.threshold = .seconds(1)
        #expect(try Self.parse("exec --threshold 1s -- --odd") == .exec(exec))
        #expect(try Self.parse("run --config a.json5") == .run(RunOptions(path: "a.json5")))
        #expect(
            try Self.parse("run --duration 1h --config=a") == .run(RunOptions(path: "a", duration: .seconds(3_600)))
        )
        #expect(try Self.parse("check-config a") == .checkConfiguration(path: "a"))
        #expect(try Self.parse("attach --help") == .help(.command(.attach)))
        #expect(try Self.parse("exec -h") == .help(.command(.exec)))
        #expect(try Self.parse("run --help") == .help(.command(.run)))
        #expect(try Self.parse("check-config --help") == .help(.command(.checkConfiguration)))
    }

    @Test(
        "what cannot be understood is told with what was expected",
        arguments: [
            ("attach", "expected one of PID, --name and --port; found none."),
            ("attach 1 --port 2", "expected one of PID, --name and --port; found process 1 and processes that listen"),
            ("attach x", "PID: 'x' is not allowed; expected the number of a process."),
            ("attach 0", "PID: '0' is not allowed"), ("attach -1", "'-1' is not an option of attach;"),
            ("attach --port 70000", "--port: '70000' is not allowed; expected a number from 1 to 65535."),
            ("attach --name", "--name: its value is missing"), ("attach --name=", "--name: '' is not allowed"),
            ("attach 1 --threshold 1ms", "--threshold: '1ms' is not allowed; expected a duration from 5ms to 1d"),
            ("attach 1 --evidence magic", "--evidence: 'magic' is not allowed; expected breakpoints, tracepoints, "),
            ("attach 1 --no-stop --no-stop", "--no-stop: given twice"), ("attach 1 --no-stop=1", "--no-stop: '1'"),
            ("attach 1 --duration 10", "--duration: '10' is not allowed; expected a duration from 1s"),
            ("exec", "COMMAND is missing"), ("exec --", "COMMAND is missing"),
            ("exec --port 1 ls", "'--port' is not an option of exec;"),
            ("run", "--config is missing"), ("run a", "'a' is not understood; expected --config FILE."),
            ("check-config", "FILE is missing"), ("check-config a b", "'b' is not understood; expected one FILE."),
        ]
    )
    func refused(line: String, message: String) {
        let error = #expect(throws: CommandError.self) { try Self.parse(line) }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "no error")")
    }
}
