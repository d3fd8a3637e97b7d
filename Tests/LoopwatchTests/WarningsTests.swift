// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

extension Live {
    @Suite("Warnings over HTTP")
    struct WarningsTests {
        @Test("the kept warnings are given as a document, as lines of JSON and as lines of the log")
        func forms() throws {
            try withWarnings { _, recorder, address in
                let document = try TestClient.get("/warnings", address)
                #expect(document.status == 200)
                #expect(document.header("content-type") == "application/json")
                #expect(document.body.hasPrefix(#"{"schema":1,"boot":""#))
                #expect(document.body.contains(#""state":"begun""#))
                #expect(document.body.contains(#""loop":"one""#))
                let lines = try TestClient.get("/warnings?format=ndjson", address)
                #expect(lines.header("content-type") == "application/x-ndjson")
                #expect(lines.body.split(separator: "\n").count == recorder.all.count)
                let accepted = try TestClient.get("/warnings", address, headers: "Accept: application/x-ndjson\r\n")
                #expect(accepted.body == lines.body)
                let text = try TestClient.get("/warnings?format=text", address)
                #expect(text.body.split(separator: "\n").map(String.init) == recorder.lines)
            }
        }

        @Test("since takes the id of a warning, its bare number, a duration, and the id of another run")
        func since() throws {
            try withWarnings { _, recorder, address in
                let all = try TestClient.get("/warnings?format=ndjson", address).body.split(separator: "\n")
                #expect(all.count == recorder.all.count)
                let identifier = try #require(all[0].firstMatch(of: /"id":"([^"]+)"/)).1
                func count(_ since: Substring) throws -> Int {
                    let response = try TestClient.get("/warnings?format=ndjson&since=\(since)", address)
                    #expect(response.status == 200, "\(response.body)")
                    return response.body.split(separator: "\n").count
                }
                #expect(try count(identifier) == all.count - 1)
                #expect(try count("1") == all.count - 1)
                #expect(try count("0") == all.count)
                #expect(try count("10m") == all.count)
                #expect(try count("0us") == 0)
                #expect(try count("deadbeef00-7") == all.count, "all is new to one who knew another run")
                #expect(try count("\(recorder.all.count)") == 0)
                // Numbers that no warning has.
                #expect(try count("18446744073709551615") == all.count)
                #expect(try count("18446744073709551614") == all.count)
                #expect(try count("deadbeef00-18446744073709551615") == all.count)
                let boot = identifier.prefix { $0 != "-" }
                #expect(try count("\(boot)-18446744073709551615") == all.count)
                #expect(try count("106751d") == all.count)
            }
        }

        @Test("warnings are chosen by number, severity, loop and pool")
        func filters() throws {
            try withWarnings { (_, recorder, address) throws in
                func count(_ query: String) throws -> Int {
                    try TestClient.get("/warnings?format=ndjson&\(query)", address).body.split(separator: "\n").count
                }
                #expect(try count("limit=1") == 1)
                #expect(try count("loop=one") == recorder.all.count { $0.subject == .loop })
                #expect(try count("loop=two") == 0)
                #expect(try count("pool=one") == 0)
                #expect(try count("severity=critical") == 0)
            }
        }

        @Test(
            "a parameter that is not understood is 400 with a sentence that names it",
            arguments: [
                "format=xml", "follow=perhaps", "since=yesterday", "since=", "since=-1", "limit=0", "limit=1025",
                "limit=x", "severity=bad", "colour=red", "limit=1&limit=2", "since=9999999999999999999999",
                "since=1.5s",
            ]
        )
        func badParameters(query: String) throws {
            try withWatch(stacks: .off, { $0.endpoint = .free }) { watch, _ in
                let address = try #require(watch.endpointAddress)
                for suffix in ["", "&follow=1"] where !query.contains("follow") {
                    let response = try TestClient.get("/warnings?\(query)\(suffix)", address)
                    #expect(response.status == 400)
                    #expect(response.body.hasPrefix("400 Bad Request: "))
                    #expect(response.body.contains(query.prefix { $0 != "=" }), "\(response.body)")
                    #expect(response.body.hasSuffix(".\n"))
                }
            }
        }

        /// Runs a body with a watch that has told of one block of the loop `one`.
        private func withWarnings(_ body: (Loopwatch, ReportRecorder, EndpointAddress) throws -> Void) throws {
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off, { $0.endpoint = .free }) { watch, recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    try checkStall(of: "one", by: Hold(.sleeping), watch, recorder) { loops[0].execute($0) }
                    try body(watch, recorder, try #require(watch.endpointAddress))
                }
            }
        }
    }
}
