// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Whose code an interpreted file is")
struct SourceOriginTests {
    @Test(
        "of Python",
        arguments: [
            ("/srv/app/main.py", .host), ("main.py", .host), ("<string>", .host), ("<stdin>", .host),
            ("/home/me/lib/python/tool.py", .host), ("/srv/python3.12/app.py", .host),
            ("/usr/lib/python3.11/asyncio/events.py", .runtime), ("/usr/lib64/python3.13t/threading.py", .runtime),
            ("/opt/python/lib/python3.12/json/decoder.py", .runtime), ("<frozen runpy>", .runtime), ("", .runtime),
            ("/usr/lib/python312.zip/json/decoder.py", .runtime), ("<interpreter trampoline>", .runtime),
            ("/srv/venv/lib/python3.12/site-packages/uvicorn/server.py", .library),
            ("/usr/lib/python3/dist-packages/flask/app.py", .library), ("/srv/venv/bin/uvicorn", .library),
            ("/usr/local/bin/gunicorn", .library), ("bin/serve.py", .host),
        ] as [(String, StackFrame.Origin)]
    )
    func python(path: String, origin: StackFrame.Origin) {
        #expect(SourceOrigin.python(path) == origin)
    }

    @Test(
        "of JavaScript",
        arguments: [
            ("/srv/app/server.js", .host), ("[eval]", .host), ("evalmachine.<anonymous>", .host),
            ("/srv/node_modules_of_mine/a.js", .host), ("node:events", .runtime),
            ("node:internal/process/task_queues", .runtime),
            ("", .runtime), ("/srv/app/node_modules/express/lib/router/index.js", .library),
            ("/srv/app/node_modules/.pnpm/koa@2/node_modules/koa/lib/application.js", .library),
        ] as [(String, StackFrame.Origin)]
    )
    func script(name: String, origin: StackFrame.Origin) {
        #expect(SourceOrigin.script(name) == origin)
    }

    @Test("addresses of files are shown as paths")
    func frames() {
        let frame = ScriptFunction(name: "", script: "file:///srv/a.mjs", line: 4).frame
        #expect(frame.function == "(anonymous)" && frame.file == "/srv/a.mjs" && frame.module == "a.mjs")
        #expect(frame.line == 4 && frame.origin == .host)
        let builtin = ScriptFunction(name: "forEach", script: "", line: nil).frame
        #expect(builtin.file == nil && builtin.module == "node" && builtin.origin == .runtime)
        let python = PythonFunction(name: "f", file: "/srv/a.py", line: 3).frame
        #expect(python.file == "/srv/a.py" && python.module == "a.py" && python.origin == .host)
    }

    @Test("code of a package is blamed before the system's, and after the host's")
    func blame() {
        func frame(_ name: String, _ origin: StackFrame.Origin) -> StackFrame {
            StackFrame(function: name, module: "m", origin: origin)
        }
        let packaged = [frame("nanosleep", .system), frame("connect", .library), frame("run", .runtime)]
        #expect(Stack(frames: packaged).blamed?.function == "connect")
        #expect(Stack(frames: packaged + [frame("main", .host)]).blamed?.function == "main")
    }

    @Test(
        "a binary is a package's by the names of whole folders",
        arguments: [
            ("/app/venv/lib/python3.12/site-packages/pydantic_core/_pydantic_core.so", true),
            ("/usr/lib/python3/dist-packages/yaml.so", true),
            ("/app/node_modules/bcrypt/build/bcrypt.node", true),
            // A server that is built with `--scratch-path .build-packages`, whose frames were taken for a library's.
            ("/srv/shop/.build-packages/x86_64-unknown-linux-gnu/release/server", false),
            ("/srv/shop/site-packages", false), ("/srv/my_node_modules/server", false), ("", false),
        ]
    )
    func packaged(path: String, isPackaged: Bool) {
        #expect(SourceOrigin.isPackaged(path) == isPackaged)
    }
}
