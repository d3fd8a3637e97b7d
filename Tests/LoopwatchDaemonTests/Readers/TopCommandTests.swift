// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import LoopwatchDaemon

/// The command `top` as a user runs it, in a terminal.
@Suite("The live table", .timeLimit(.minutes(10)))
struct TopCommandTests {
    /// How a user leaves.
    enum Leaving: String, CaseIterable, Sendable {
        case key, interrupt, termination, hangup, afterLoss
    }

    private static func fits(_ picture: [String], columns: Int, rows: Int) -> Bool {
        picture.count <= rows && picture.allSatisfy { TerminalWidth.columns(of: $0) <= columns }
    }

    @Test("gives the terminal back as it was, in every way of leaving", arguments: Leaving.allCases)
    func leaving(way: Leaving) async throws {
        try await onOwnThread {
            let endpoint = try FixedEndpoint(TopScreenTests.status)
            var top = try PseudoTerminal(["top", endpoint.location], columns: 80, rows: 24)
            let picture = try top.picture("the table") { $0.contains { $0.hasPrefix("http-0 ") } }
            #expect(Self.fits(picture, columns: 80, rows: 24), "\(picture)")
            #expect(picture.contains { $0.contains("at innerBlocking() Checkout.swift:14") })
            #expect(top.output.contains("\u{1B}[?1049h") && !top.isAsBefore)
            switch way {
            case .key: top.type("q")
            // The terminal makes the signal of it.
            case .interrupt: top.type("\u{3}")
            case .termination: kill(top.identifier, SIGTERM)
            case .hangup: kill(top.identifier, SIGHUP)
            case .afterLoss:
                endpoint.stop()
                _ = try top.picture("that the connection is lost") { $0.contains { $0.hasPrefix("CONNECTION LOST") } }
                top.type("q")
            }
            #expect(try top.end() == 0)
            let isAsBefore = top.isAsBefore
            #expect(isAsBefore)
            #expect(top.output.hasSuffix("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"))
        }
    }

    @Test("follows the size of the terminal, and connects again to a server that was restarted")
    func changes() async throws {
        try await onOwnThread {
            let folder = try TemporaryFolder()
            let first = try FixedEndpoint(TopScreenTests.status, path: folder.path("endpoint"))
            let arguments = ["top", first.location, "--interval", "100ms"]
            var top = try PseudoTerminal(arguments, columns: 80, rows: 24)
            _ = try top.picture("the table") { $0.contains { $0.hasPrefix("swift ") } }
            #expect(top.output.contains("\u{1B}[1;31m"))
            top.resize(columns: 120, rows: 30)
            let wide = try top.picture("a wider table") { $0.contains { $0.hasPrefix("TARGET ") && $0.count == 120 } }
            #expect(Self.fits(wide, columns: 120, rows: 30), "\(wide)")
            top.resize(columns: 80, rows: 6)
            let low = try top.picture("a lower table") { $0.count == 6 && $0.contains { $0.count == 80 } }
            #expect(Self.fits(low, columns: 80, rows: 6), "\(low)")
            top.resize(columns: 80, rows: 24)
            first.stop()
            _ = try top.picture("that the connection is lost") { $0.contains { $0.hasPrefix("CONNECTION LOST") } }
            let second = try FixedEndpoint(
                TopScreenTests.status.replacing("a1b2c3d4", with: "b1b2c3d4"),
                path: folder.path("endpoint")
            )
            let picture = try top.picture("the restart") { $0.contains { $0.hasPrefix("the server was restarted") } }
            #expect(picture.contains("1 of 3 blocked now"))
            top.type("q")
            #expect(try top.end() == 0)
            second.stop()
        }
    }

    @Test("leaves a terminal alone when there is no server, and uses no colours where none are wanted")
    func plain() async throws {
        try await onOwnThread {
            var none = try PseudoTerminal(["top", "unix:/nowhere/x"], columns: 80, rows: 24)
            #expect(try none.end() == ExitCode.unavailable.rawValue)
            #expect(none.isAsBefore && !none.output.contains("\u{1B}"), "\(none.output)")
            let endpoint = try FixedEndpoint(TopScreenTests.status)
            let address = endpoint.location
            var grey = try PseudoTerminal(
                ["top", address, "--once"],
                environment: ["TERM": "xterm", "NO_COLOR": "1"],
                columns: 80,
                rows: 24
            )
            #expect(try grey.end() == 0)
            #expect(grey.output.contains("1 of 3 blocked now") && !grey.output.contains("\u{1B}"))
            var once = try ChildProcess(["top", address, "--once"])
            #expect(try once.end() == 0)
            #expect(once.lines.first == "demo (4711)  2026-11-26T19:00:05Z  http://\(address)  loopwatch 0.1.0")
            #expect(once.lines.count == 9)
            var json = try ChildProcess(["top", address, "--json", "--interval", "100ms"])
            for _ in 0..<2 { _ = try json.line("a document") { $0.hasPrefix(#"{"schema":1"#) } }
            json.signal(SIGTERM)
            #expect(try json.end() == 0)
        }
    }
}
