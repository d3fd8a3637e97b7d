// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Which processes are meant")
struct ProcessSelectorTests {
    private static func entry(_ identifier: Int32, parent: Int32 = 1, _ arguments: String...) -> ProcessEntry {
        ProcessEntry(
            identifier: identifier,
            parent: parent,
            startTicks: Int64(identifier),
            shortName: "x",
            arguments: arguments
        )
    }

    /// A shell that runs the watcher, a server with two workers of which one has a child, and a thread of the kernel.
    private static let table = ProcessTable(
        entries: [
            entry(2),
            entry(10, "bash", "-c", "loopwatch attach --name uvicorn"),
            entry(11, parent: 10, "loopwatch", "attach", "--name", "uvicorn"),
            entry(30, parent: 20, "python3", "-c", "worker 2"),
            entry(20, "python3", "-m", "uvicorn", "app:app", "--workers", "2"),
            entry(21, parent: 20, "python3", "-c", "worker 1"),
            entry(40, parent: 21, "git", "status"),
        ],
        watcher: 11
    )

    private static func matches(_ selector: ProcessSelector) -> [Int32] {
        table.matches(
            selector,
            listeners: [11, 20],
            unitOf: { [20: "api.service", 21: "api.service"][$0] }
        ).map(\.identifier)
    }

    @Test("by number, text, pattern, port and unit; never the watcher and the shell it was started from")
    func selectors() {
        #expect(Self.matches(.identifier(21)) == [21])
        #expect(Self.matches(.identifier(99)).isEmpty)
        #expect(Self.matches(.commandLine("uvicorn")) == [20])
        #expect(Self.matches(.commandLine("worker")) == [20, 21, 30])
        #expect(Self.matches(.commandLine("*worker ?")).isEmpty)
        #expect(Self.matches(.commandLine("python3 -c worker *")) == [21, 30])
        #expect(Self.matches(.commandLine("*app:app*2")) == [20])
        #expect(Self.matches(.commandLine("*app:app*3")).isEmpty)
        #expect(Self.matches(.port(8000)) == [20])
        #expect(Self.matches(.unit("api.service")) == [20, 21])
    }

    @Test("children follow their parents, also where they are listed before them")
    func descendants() {
        let all = Self.table.withDescendants(of: Self.table.matches(.identifier(20))).map(\.identifier)
        #expect(all == [20, 30, 21, 40])
        // A watcher that was started by what it watches does not watch itself.
        let shell = Self.table.withDescendants(of: Self.table.matches(.identifier(10))).map(\.identifier)
        #expect(shell == [10])
    }

    @Test("a pattern of many stars takes no longer than its length times that of the text")
    func hostilePattern() {
        let text = String(repeating: "a", count: 5_000)
        let table = ProcessTable(entries: [Self.entry(5, text)], watcher: 1)
        let pattern = String(repeating: "*a", count: 500) + "*b"
        #expect(table.matches(.commandLine(pattern)).isEmpty)
    }

    @Test(
        "a process is called by the name that people know it by",
        arguments: [
            (["/usr/sbin/nginx", "-g", "daemon off;"], "nginx"),
            (["nginx: worker process"], "nginx"),
            (["nginx: master process /usr/sbin/nginx"], "nginx"),
            (["/usr/bin/redis-server 127.0.0.1:6379"], "redis-server"),
            (["python3", "-m", "uvicorn", "app:app"], "uvicorn"),
            (["/venv/bin/python3.11", "-X", "dev", "/venv/bin/gunicorn", "app"], "gunicorn"),
            (["/venv/bin/python3", "-u", "/srv/app.py", "--port", "1"], "app.py"),
            (["python3", "-c", "import time"], "python3"),
            (["python3"], "python3"),
            (["node", "--max-old-space-size=100", "--require", "./tracing.js", "/srv/server.js"], "server.js"),
            ([], "x"), ([""], "x"),
        ]
    )
    func programNames(arguments: [String], name: String) {
        let entry = ProcessEntry(identifier: 1, parent: 0, startTicks: 0, shortName: "x", arguments: arguments)
        #expect(entry.programName == name)
    }

    @Test("names tell processes apart, and a name that becomes free is given again")
    func names() {
        var names = ProcessNames()
        #expect(names.name("api", for: 1) == "api")
        #expect(names.name("api", for: 2) == "api-2")
        #expect(names.name("api", for: 1) == "api")
        #expect(names.name("api", for: 3) == "api-3")
        names.release(2)
        #expect(names.name("api", for: 4) == "api-2")
        #expect(names.name("", for: 5) == "process")
    }
}
