// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Testing

/// A Swift program watched from outside, as a user does it: the demo, which is not asked what it knows of itself.
@Suite("A Swift program from outside", .serialized, .timeLimit(.minutes(10)))
struct AttachSwiftTests {
    @Test("that Swift's pool is held is told, and by what")
    func pool() throws {
        var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0"])
        _ = try demo.line("the demo says where it listens") { $0.contains("127.0.0.1:") }
        var watcher = try ChildProcess([
            "attach", "\(demo.identifier)", "--threshold", "50ms", "--listen", "127.0.0.1:0",
        ])
        let line = try watcher.line("the pool") { $0.contains(" pool blocked for ") && $0.contains("Swift jobs hold") }
        #expect(line.contains("target=dispatch-workers") && line.contains("cause=starvation"), "\(line)")
        #expect(line.contains("Swift jobs hold all "), "\(line)")
        // The name of the watcher itself, and of its own series, is taken.
        #expect(line.contains(" process=loopwatch-2 pid=\(demo.identifier) "), "\(line)")
        // Whose jobs they are, in the application's own words.
        #expect(line.contains(".swift:") || line.contains(" at="), "\(line)")
    }
}
