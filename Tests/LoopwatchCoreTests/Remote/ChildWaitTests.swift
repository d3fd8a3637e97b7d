// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Waits for child processes")
struct ChildWaitTests {
    private static func stack(_ function: String, _ file: String?, _ origin: StackFrame.Origin = .runtime) -> Stack {
        Stack(frames: [
            StackFrame(function: "epoll_pwait", module: "libc.so.6", origin: .system),
            StackFrame(function: function, file: file, line: 1, module: "node", origin: origin),
            StackFrame(function: "runConverter", file: "/srv/app.js", line: 34, module: "node", origin: .host),
        ])
    }

    @Test(
        "Node's and Python's own functions that wait for a child are known",
        arguments: [
            stack("node::SyncProcessRunner::TryInitializeAndRunLoop", nil),
            stack("spawnSync", "node:internal/child_process"), stack("execSync", "node:child_process"),
            stack("Popen.communicate", "/usr/lib/python3.11/subprocess.py"),
        ]
    )
    func known(_ stack: Stack) { #expect(ChildWait.isIn(stack)) }

    @Test(
        "functions of the application with such names are not, nor are Node's others",
        arguments: [
            stack("execSync", "/srv/app.js", .host),
            stack("execSync", "/srv/node_modules/x/child_process.js", .library),
            stack("communicate", "/srv/subprocess.py", .host), stack("spawn", "node:child_process"),
            stack("readFileSync", "node:fs"), stack("spawnSync", nil),
        ]
    )
    func others(_ stack: Stack) { #expect(!ChildWait.isIn(stack)) }
}
