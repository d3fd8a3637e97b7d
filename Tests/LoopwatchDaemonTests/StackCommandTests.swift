// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

/// What `loopwatch stack` prints.
@Suite("Printing stacks", .serialized)
struct StackCommandTests {
    @Test("tells what the threads of another process do")
    func demo() throws {
        var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0"])
        _ = try demo.line("the demo says where it listens") { $0.contains("127.0.0.1:") }
        var stack = try ChildProcess(["stack", "\(demo.identifier)"])
        let status = try stack.end()
        let lines = stack.lines
        #expect(status == 0, "\(stack.errors())")
        #expect(lines.first?.hasPrefix("process \(demo.identifier), ") == true)
        // The watchdog's own thread sleeps, and the loop's code is the application's.
        let watchdog = lines.firstIndex { $0.contains("\"lw-watchdog\"") }
        #expect(watchdog != nil)
        #expect(lines.contains { $0.contains("Loopwatch.Watchdog.run()") })
        let blamed = lines.first { $0.hasPrefix("  * ") && $0.contains("PollLoop.runLoop()") }
        #expect(blamed?.contains("/PollLoop.swift:") == true, "\(lines)")
        #expect(!lines.contains { $0.contains("stack omitted: the kernel") })
    }

    @Test("of one thread prints that one alone")
    func oneThread() throws {
        var demo = try ChildProcess(["demo", "--listen", "127.0.0.1:0"])
        _ = try demo.line("the demo says where it listens") { $0.contains("127.0.0.1:") }
        var stack = try ChildProcess(["stack", "\(demo.identifier)", "\(demo.identifier)", "--detailed", "--no-stop"])
        #expect(try stack.end() == 0)
        #expect(stack.lines.filter { $0.hasPrefix("thread ") }.count == 1)
        #expect(stack.lines.contains { $0.contains("_start (loopwatch) [system +0x") })
        #expect(!stack.lines.contains { $0.hasPrefix("stopped ") })
        var none = try ChildProcess(["stack", "\(demo.identifier)", "\(Int32.max)"])
        #expect(try none.end() == 69)
        #expect(none.errors() == "loopwatch: process \(demo.identifier) has no thread \(Int32.max).\n")
    }

    @Test("of a process that is not there is refused")
    func gone() throws {
        var stack = try ChildProcess(["stack", "\(Int32.max)"])
        #expect(try stack.end() == 69)
        #expect(
            stack.errors()
                == "loopwatch: process \(Int32.max) cannot be read: there is no such process, or it has just ended.\n"
        )
    }

    @Test("writes a frame with what is known of it")
    func frames() {
        func text(_ frame: StackFrame, isDetailed: Bool = false) -> String {
            StackCommand.text(of: frame, isDetailed: isDetailed)
        }
        #expect(
            text(StackFrame(function: "pay", file: "/srv/shop.py", line: 12, module: "shop.py", origin: .host))
                == "pay (/srv/shop.py:12)"
        )
        #expect(text(StackFrame(function: "pay", file: "shop.js", module: "shop.js", origin: .host)) == "pay (shop.js)")
        let native = StackFrame(function: "poll", module: "libc.so.6", moduleOffset: 0x10, origin: .system)
        #expect(text(native) == "poll (libc.so.6)")
        #expect(text(native, isDetailed: true) == "poll (libc.so.6) [system +0x10]")
        #expect(text(StackFrame(function: "redis+0x12", module: "redis", origin: .host)) == "redis+0x12")
        let awaited = StackFrame(function: "f", module: "", origin: .host, link: .asynchronous, isUncertain: true)
        #expect(text(awaited) == "< f ?")
    }
}
