// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("The table of top")
struct TopScreenTests {
    /// A status as an endpoint answers it.
    static let status = """
        {"schema":1,"boot":"a1b2c3d4","version":"0.1.0","process":"demo","pid":4711,"time":"2026-11-26T19:00:05.123456Z",
        "blocked":1,"components":[{"name":"http","up":true},{"name":"log","up":false}],
        "loops":[
        {"name":"http-0","process":"demo","pid":4711,"state":"blocked","current":{"blocked_ms":312.4,
        "cause":"syscall:clock_nanosleep","at":{"function":"innerBlocking()","file":"Checkout.swift","line":14,
        "module":"demo","origin":"host"}},"lag":{"count":1234,"p50_ms":0.08,"p99_ms":1.9,"max_ms":3400},
        "blocked_ms":131200.4,"stalls":{"warning":3,"error":1,"critical":1}},
        {"name":"main","remote":"event loop","process":"uvicorn","pid":77,"state":"free","lag":{"count":0,"max_ms":0},
        "blocked_ms":0,"stalls":{"warning":0,"error":0,"critical":0}}],
        "pools":[{"name":"swift","process":"demo","pid":4711,"state":"free","lag":{"count":9,"p50_ms":9.96,"p99_ms":250,
        "max_ms":61000},"blocked_ms":40,"stalls":{"warning":1},"waiting":12,"busy":2,"threads":8}]}
        """

    static func picture() throws -> StatusPicture {
        let document = try #require(JSON5Value(json: status.utf8))
        return try #require(StatusPicture(document))
    }

    private static func text(_ screen: TopScreen, width: Int = 80, height: Int? = nil, isColoured: Bool = false)
        -> [String]
    {
        screen.lines(width: width, height: height).map { $0.text(width: width, isColoured: isColoured) }
    }

    @Test("shows what is blocked now, since when, where, and the numbers of every target in 80 columns")
    func table() throws {
        let screen = TopScreen(picture: try Self.picture(), source: "http://127.0.0.1:9667", keys: "q quits")
        let lines = Self.text(screen)
        #expect(
            lines == [
                "demo (4711)  2026-11-26T19:00:05Z  http://127.0.0.1:9667  loopwatch 0.1.0",
                "1 of 3 blocked now",
                "not running: log",
                "",
                "TARGET                    NOW     P50     P99     MAX STALLS   TOTAL  WAIT  BUSY",
                "http-0                  312ms   0.1ms   1.9ms   3.40s      5   2m11s",
                "  syscall:clock_nanosleep  at innerBlocking() Checkout.swift:14",
                "uvicorn/main             free       -       -   0.0ms      0       -",
                "swift                    free    10ms   250ms   1m01s      1    40ms    12   2/8",
                "",
                "q quits",
            ],
            "\(lines.joined(separator: "\n"))"
        )
    }

    @Test("never makes a line wider, or a screen higher, than the terminal", arguments: [20, 40, 72, 80, 133])
    func sizes(width: Int) throws {
        var picture = try Self.picture()
        picture.targets[1].name = String(repeating: "\u{7A97}\u{53E3}e\u{301}", count: 30)
        picture.targets[0].place = String(repeating: "Very<Long>", count: 40)
        picture.targets += (0..<40).map { number in
            var target = picture.targets[number % 3]
            target.name = "more-\(number)"
            return target
        }
        let screen = TopScreen(
            picture: picture,
            source: String(repeating: "x", count: 200),
            alarm: String(repeating: "alarm ", count: 40),
            note: String(repeating: "note ", count: 40),
            keys: "q quits"
        )
        for height in [1, 5, 10, 24, 60, 200] {
            let lines = Self.text(screen, width: width, height: height)
            #expect(lines.count <= height)
            #expect(lines.allSatisfy { TerminalWidth.columns(of: $0) <= width }, "\(lines)")
            // Colours take no columns, and nothing else is different.
            let coloured = Self.text(screen, width: width, height: height, isColoured: true)
            #expect(coloured.count == lines.count)
            for (plain, line) in zip(lines, coloured) {
                let stripped = line.replacing(/\u{1B}\[[0-9;]*m/, with: "")
                #expect(String(stripped.reversed().drop { $0 == " " }.reversed()) == plain)
            }
        }
    }

    @Test("shows those that are blocked where there is no room for all, and how many are left out")
    func order() throws {
        var picture = try Self.picture()
        picture.targets = (0..<30).map { number in
            var target = picture.targets[1]
            target.name = "t\(number)"
            if number == 20 { target.blockedNanoseconds = 5_000_000_000 }
            if number == 25 { target.blockedNanoseconds = 9_000_000_000 }
            return target
        }
        picture.down = []
        let lines = Self.text(TopScreen(picture: picture, source: "x"), height: 10)
        #expect(lines[4].hasPrefix("t25 ") && lines[5].hasPrefix("t20 ") && lines[6].hasPrefix("t0 "))
        #expect(lines.last?.hasPrefix("and 26 more") == true, "\(lines)")
        let whole = Self.text(TopScreen(picture: picture, source: "x"), height: 40)
        #expect(whole[4].hasPrefix("t0 ") && whole.count == 34)
    }

    @Test("says when the connection is lost, is there again, and that the server was restarted")
    func connection() throws {
        var state = TopState(source: "x")
        #expect(!state.hasPicture && state.screen(keys: nil) == nil)
        var picture = try Self.picture()
        state.arrived(picture)
        #expect(state.screen(keys: nil)?.alarm == nil && state.screen(keys: nil)?.note == nil)
        state.lost("connect: refused")
        #expect(state.screen(keys: nil)?.alarm?.hasPrefix("CONNECTION LOST") == true)
        state.arrived(picture)
        #expect(state.screen(keys: nil)?.alarm == nil)
        #expect(state.screen(keys: nil)?.note == "connected again at 2026-11-26T19:00:05Z")
        state.lost("x")
        picture.run = "ffff0000"
        state.arrived(picture)
        #expect(state.screen(keys: nil)?.note?.hasPrefix("the server was restarted") == true)
    }

    @Test("takes no control characters from names, and no document that is none")
    func hostile() throws {
        let text = Self.status.replacing("http-0", with: #"\u001b[2Jx\n"#)
        let document = try #require(JSON5Value(json: text.utf8))
        let picture = try #require(StatusPicture(document))
        let lines = Self.text(TopScreen(picture: picture, source: "x"))
        #expect(lines.allSatisfy { !$0.utf8.contains { $0 < 0x20 } })
        for text in ["{}", "[]", #"{"boot":"a","process":"b"}"#] {
            let document = try #require(JSON5Value(json: text.utf8))
            #expect(StatusPicture(document) == nil)
        }
    }
}
