// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

extension Live {
    @Suite("The status")
    struct StatusEndpointTests {
        @Test("a browser gets the page, who asks for JSON gets it, and everyone else the text")
        func negotiation() throws {
            try withWatch({ $0.endpoint = .free }) { watch, _ in
                let address = try #require(watch.endpointAddress)
                let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
                for (accept, type) in [
                    (browser, "text/html; charset=utf-8"), ("application/json", "application/json"),
                    ("application/json, text/html;q=0.5", "text/html; charset=utf-8"),
                    ("*/*", "text/plain; charset=utf-8"), ("text/plain", "text/plain; charset=utf-8"),
                ] {
                    let answer = try TestClient.get("/", address, headers: "Accept: \(accept)\r\n")
                    #expect(answer.status == 200 && answer.header("content-type") == type, "\(accept)")
                    #expect(answer.header("vary") == "Accept")
                    let policy = answer.header("content-security-policy") ?? ""
                    #expect(policy.contains("script-src 'sha256-") == (type.hasPrefix("text/html")), "\(accept)")
                }
                let bare = try TestClient.get("/", address)
                #expect(bare.header("content-type") == "text/plain; charset=utf-8")
            }
        }

        @Test("the JSON's parameters are checked, with a sentence")
        func parameters() throws {
            try withWatch({ $0.endpoint = .free }) { watch, _ in
                let address = try #require(watch.endpointAddress)
                for (query, says) in [
                    ("?history=181", "from 0 to 180, not '181'"), ("?history=", "not ''"), ("?history=-1", "not '-1'"),
                    ("?history=1&history=2", "given twice"), ("?points=3", "there is no parameter 'points'"),
                ] {
                    let answer = try TestClient.get("/status\(query)", address)
                    #expect(answer.status == 400 && answer.body.contains(says), "\(query): \(answer.body)")
                }
                let answer = try TestClient.get("/status?history=180", address)
                #expect(answer.status == 200 && answer.body.hasPrefix(#"{"schema":1,"boot":""#))
            }
        }

        @Test("while a loop is blocked the status says since when and at which code, and afterwards no more")
        func blocked() throws {
            try withLoops([.poll]) { loops in
                try withWatch({ $0.endpoint = .free }) { watch, recorder in
                    let address = try #require(watch.endpointAddress)
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    // It stays where it is, however long it takes a sanitizer to capture it.
                    let hold = Hold(.locked)
                    defer { hold.release() }
                    loops[0].execute { hold.run() }
                    // The very first report of a process comes before the names of its code have been read.
                    let report = try recorder.wait(for: "a report with a stack") { $0.stack != nil }
                    let during = try TestClient.get("/status", address).body
                    #expect(during.contains(#""blocked":1"#) && during.contains(#""state":"blocked""#), "\(during)")
                    #expect(during.contains(#""stall":\#(report.stall),"#), "\(during)")
                    #expect(during.contains(#""at":{"function":""#), "\(during)")
                    hold.release()
                    try recorder.wait(for: "the end") { $0.state == .ended }
                    let after = try TestClient.get("/status", address).body
                    #expect(after.contains(#""blocked":0"#) && !after.contains(#""current""#), "\(after)")
                }
            }
        }

        @Test("the history is recorded while nobody asks, also of what is over")
        func history() throws {
            try withLoops([.poll]) { loops in
                try withWatch({ $0.endpoint = .free }) { watch, recorder in
                    let address = try #require(watch.endpointAddress)
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    loops[0].execute { hold.run() }
                    try recorder.wait(for: "the begun report") { $0.state == .begun }
                    hold.release()
                    let ended = try recorder.wait(for: "the end") { $0.state == .ended }
                    let interval = LagPeaks.interval(of: Clock.now())
                    // Nothing is asked until the interval of the block is over.
                    try eventually("the interval is over") { LagPeaks.interval(of: Clock.now()) > interval }
                    var status = ""
                    try eventually("the interval is recorded") {
                        status = try TestClient.get("/status?history=180", address).body
                        return status.contains(#""max_us":["#) && status.firstMatch(of: /"last":([0-9]+)/) != nil
                    }
                    let values = status.firstMatch(of: /"max_us":\[([0-9,nul]*)\]/)?.1.split(separator: ",") ?? []
                    let highest = values.compactMap { Int64($0) }.max() ?? 0
                    #expect(highest >= ended.durationNanoseconds / 1_000 * 9 / 10, "\(status)")
                }
            }
        }
    }
}
