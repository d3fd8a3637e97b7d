// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

extension Live {
    @Suite("The live tail of warnings")
    struct FollowerTests {
        @Test(
            "a follower hears of a block while it lasts, and the end when the watch stops",
            arguments: ["ndjson", "text"]
        )
        func follows(format: String) throws {
            try withBlockedLoop { watch, address, hold in
                let client = try TestClient(address)
                try client.request("/warnings?follow=1&format=\(format)&loop=one")
                #expect(try client.response().status == 200)
                hold.start()
                let begun = try client.chunk()
                #expect(begun.contains(format == "text" ? "state=begun" : #""state":"begun""#), "\(begun)")
                #expect(!hold.hold.hasEnded)
                hold.hold.release()
                var last = begun
                while !last.contains("ended") { last = try client.chunk() }
                watch.stop()
                if format == "ndjson" { #expect(try client.chunk() == #"{"event":"end"}"# + "\n") }
                #expect(try client.chunk() == "")
                #expect(try client.isAtEnd())
            }
        }

        @Test("a browser's stream has ids, and goes on after the last one it knew")
        func serverSentEvents() throws {
            try withBlockedLoop { watch, address, hold in
                let headers = "Accept: text/event-stream\r\n"
                let first = try TestClient(address)
                try first.request("/warnings?loop=one", headers: headers)
                #expect(try first.response().header("content-type") == "text/event-stream")
                var text = try first.chunk()
                #expect(text.hasPrefix("retry: "))
                hold.start()
                while !text.contains("event: begun") { text += try first.chunk() }
                let identifier = try #require(text.firstMatch(of: /id: (\S+)/)).1
                hold.hold.release()
                while !text.contains("event: ended") { text += try first.chunk() }
                let second = try TestClient(address)
                try second.request("/warnings?loop=one", headers: headers + "Last-Event-ID: \(identifier)\r\n")
                #expect(try second.response().status == 200)
                text = try second.chunk()
                while !text.contains("event: ended") { text += try second.chunk() }
                #expect(!text.contains("event: begun"))
                // One that comes from another run is new to everything.
                let third = try TestClient(address)
                try third.request("/warnings?loop=one", headers: headers + "Last-Event-ID: deadbeef00-99\r\n")
                #expect(try third.response().status == 200)
                text = try third.chunk()
                while !text.contains("event: ended") { text += try third.chunk() }
                #expect(text.contains("event: begun"))
                watch.stop()
                text = try second.rest()
                #expect(text.contains("event: end\n"))
            }
        }

        @Test(
            "a follower that asks for warnings that no run had is not a reason to crash",
            arguments: ["", "text", "sse"]
        )
        func highestNumber(format: String) throws {
            try withBlockedLoop { _, address, hold in
                let client = try TestClient(address)
                let form = format.isEmpty ? "" : "&format=\(format)"
                try client.request("/warnings?follow=1&loop=one&since=18446744073709551615\(form)")
                #expect(try client.response().status == 200)
                hold.start()
                var text = ""
                while !text.contains("begun") { text += try client.chunk() }
                hold.hold.release()
            }
        }

        /// A block that begins when the test wants.
        private struct Block {
            let hold: Hold
            let start: () -> Void
        }

        private func withBlockedLoop(_ body: (Loopwatch, EndpointAddress, Block) throws -> Void) throws {
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off, { $0.endpoint = .free }) { watch, _ in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    let block = Block(hold: hold) { loops[0].execute { hold.run() } }
                    try body(watch, try #require(watch.endpointAddress), block)
                }
            }
        }
    }
}
