// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

/// The demo as a user runs it.
@Suite("The demo", .timeLimit(.minutes(10)))
struct DemoTests {
    /// One kind of block: the demo's words for it, and the warning's.
    private static let kinds = [
        (announcement: "a handler on http-0 sleeps", target: "http-0", cause: "syscall:clock_nanosleep"),
        (announcement: "a handler on http-1 waits for a lock", target: "http-1", cause: "lock"),
        (announcement: "a handler on http-0 parses", target: "http-0", cause: nil),
        (announcement: "a handler on http-1 flushes", target: "http-1", cause: nil),
        (announcement: "every thread of the pool workers", target: "workers", cause: "starvation"),
        (announcement: "a task holds one thread of Swift's global executor", target: "swift", cause: "syscall:ppoll"),
        (announcement: "tasks hold every thread of Swift's global executor", target: "swift", cause: "starvation"),
        (announcement: "tasks on every thread of Swift's global executor wait", target: "swift", cause: "starvation"),
    ]

    @Test("has every kind of block reported on its target, and ends with a summary when interrupted")
    func everyKind() async throws {
        try await onOwnThread {
            var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0"])
            let first = try demo.line("the address") { _ in true }
            #expect(first.contains("http://127.0.0.1:"))
            for kind in Self.kinds {
                _ = try demo.line(kind.announcement) { $0.hasPrefix("demo: \(kind.announcement)") }
                let what = kind.announcement.hasPrefix("a task holds") ? " thread held for " : " blocked for "
                let words = [what, " target=\(kind.target) ", " state=ended "]
                let warning = try demo.line("the end of the block of \(kind.target)") { line in
                    words.allSatisfy { line.contains($0) }
                }
                // What a busy machine does to a thread that computes or writes is not for the test to say.
                if let cause = kind.cause { #expect(warning.contains(" cause=\(cause) "), "\(warning)") }
            }
            demo.signal(SIGINT)
            let status = try demo.end()
            #expect(status == 0)
            let last = demo.lines.last ?? ""
            #expect(last.contains(" stalls seen; blocked in all: http-0 "), "\(last)")
            let errors = demo.errors()
            #expect(errors.isEmpty, "\(errors)")
        }
    }

    @Test("ends by itself when its time is up")
    func seconds() async throws {
        try await onOwnThread {
            var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0", "--seconds", "1"])
            let status = try demo.end()
            #expect(status == 0)
            #expect(demo.lines.last?.contains(" seen; blocked in all: ") == true)
        }
    }

    @Test("ends at once at a second signal")
    func secondSignal() async throws {
        try await onOwnThread {
            // A handler that sleeps for longer than a user waits: 1.6 times the threshold.
            var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0", "--threshold", "1s"])
            _ = try demo.line("the first block") { $0.hasPrefix("demo: a handler on http-0 sleeps") }
            demo.signal(SIGTERM)
            // The first one has to have been taken, or the two are one.
            _ = try demo.line("that it ends") { $0.hasPrefix("demo: ending") }
            demo.signal(SIGTERM)
            let status = try demo.end()
            #expect(status == 128 + SIGTERM)
        }
    }

    @Test("ends quietly when nobody reads any more")
    func closedPipe() async throws {
        try await onOwnThread {
            var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0"])
            _ = try demo.line("the address") { _ in true }
            demo.closeOutput()
            let status = try demo.end()
            #expect(status == 0)
            // What is read now in place of standard output is standard error.
            #expect(demo.lines.count == 1, "\(demo.lines)")
        }
    }

    @Test(
        "says in one line why it does not run",
        arguments: [
            (["demo", "--seconds", "soon"], [:], "loopwatch: --seconds: 'soon' is not allowed;", 64),
            (["demo"], ["LOOPWATCH_THRESHOLD": "soon"], "loopwatch: LOOPWATCH_THRESHOLD: 'soon' is not allowed;", 78),
            (["demo", "--listen", "unix:/nowhere/x"], [:], "loopwatch: nothing can listen at unix:/nowhere/x: ", 69),
        ] as [([String], [String: String], String, Int32)]
    )
    func refused(arguments: [String], environment: [String: String], message: String, code: Int32) async throws {
        try await onOwnThread {
            var process = try ChildProcess(arguments, environment: environment)
            let status = try process.end()
            #expect(status == code)
            let errors = process.errors()
            #expect(errors.hasPrefix(message), "\(errors)")
            #expect(errors.split(separator: "\n").count == 1, "\(errors)")
        }
    }
}
