// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchHTTP

@Suite("What becomes of a request")
struct HTTPRequestDecisionTests {
    /// Raw requests with the status code that they get; 0 where more is needed.
    static let table: [(String, Int)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 200),
        ("GET /a?b=c HTTP/1.1\r\nHost:\ta \r\nX: \r\n\r\n", 200),
        ("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 200),
        ("", 0), ("\r", 0), ("\r\n", 0), ("GET", 0), ("GET / HTTP/1.1\r\nHost: a\r\n\r", 0),
        ("\r\n\r\n", 400), ("\n", 400), (" GET / HTTP/1.1\r\n", 400), ("GET\r\n", 400), ("GET /\r\n", 400),
        ("GET  / HTTP/1.1\r\n", 400), ("GET / HTTP/1.1 \r\n", 400), ("GET / HTTP/1.1\n", 400),
        ("GET /\t HTTP/1.1\r\n", 400), ("GET /\u{E9} HTTP/1.1\r\n", 400), ("GET / HTTP/1.1\rX", 400),
        ("GET / http/1.1\r\n", 400), ("GET / HTTP/1.10\r\n", 400), ("GET / HTTP/1\r\n", 400),
        ("GET / HTTP/11\r\n", 400), ("G\u{0}T / HTTP/1.1\r\n", 400), ("AVERYLONGMETHODNAME / HTTP/1.1\r\n", 400),
        ("GET / HTTP/2.0\r\n", 505), ("GET / HTTP/0.9\r\n", 505), ("PRI * HTTP/2.0\r\n", 505),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\n: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /#b HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    ]

    @Test("every request of the policy's table gets its status", arguments: table)
    func policyTable(text: String, status: Int) {
        #expect(Decision.status(of: text) == status)
    }

    /// Requests of the kinds that the tests of llhttp and of picohttpparser have, written anew.
    ///
    /// What real clients send, and what attackers do; what has a body is refused before it is read.
    static let corpus: [(String, Int)] = [
        // Clients.
        (
            "GET /test HTTP/1.1\r\nUser-Agent: curl/7.18.0 (i486-pc-linux-gnu)\r\nHost: 0.0.0.0:5000\r\nAccept: */*\r\n\r\n",
            200
        ),
        (
            "GET /favicon.ico HTTP/1.1\r\nHost: a:8000\r\nUser-Agent: Mozilla/5.0 (X11; U; Linux)\r\nAccept: text/html,"
                + "*/*;q=0.8\r\nAccept-Language: en-us,en;q=0.5\r\nAccept-Encoding: gzip,deflate\r\nKeep-Alive: 300\r\n"
                + "Connection: keep-alive\r\nCookie: wp=x; b=c; d=%7B%22e%22%3A1%7D\r\n\r\n", 200
        ),
        ("GET /test HTTP/1.0\r\nHost: 0.0.0.0:5000\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n", 200),
        (
            "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n",
            200
        ),
        ("\r\nGET /test HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\r\n", 200),
        // Fields: empty, without a space, with tabs around, with text that is not ASCII, of all characters of a token.
        ("GET / HTTP/1.1\r\nHost:a\r\nAccept:\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\t y\t \r\nConnection:   \tKeep-Alive\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{E4}\u{F6}\u{FC} \u{3042}\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: y\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, keep-alive, something-else\r\n\r\n", 200),
        // Targets.
        ("GET /a/b?c=d&e=f?g HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET //a//b HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET http://hypnotoad.org:1234?hail=all HTTP/1.1\r\nHost: hypnotoad.org:1234\r\n\r\n", 200),
        ("GET http://a?b=/c HTTP/1.1\r\nHost: a\r\n\r\n", 200), ("GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://?a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://hypnotoad.org:1234 HTTP/1.1\r\nHost: hypnotoad.org:1234\r\n\r\n", 200),
        ("GET http://a_b/ HTTP/1.1\r\nHost: a_b\r\n\r\n", 200),
        ("GET /forums/1/topics/2375?page=1#posts-17408 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{3B4}\u{3B6}/pipe?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /foo\tbar/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /foo bar/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{0}foo HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        // Methods and bodies of others.
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\nall your base\r\n0\r\n\r\n", 405),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("CONNECT home0.netscape.com:443 HTTP/1.0\r\nUser-agent: Mozilla/1.1N\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: a\r\nConTENT-Length: 5\r\n\r\nHELLO", 413),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        // Smuggling: two lengths, or one that is read in two ways.
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\u{B}: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nContent-Length: 5\r\n\r\n", 400),
        // Lines.
        ("GET /test HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\nLine1:   abc\r\n\tdef\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\u{7F}X: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nA\u{0}B: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\u{E4}: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nFoo@: y\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nFoo\r: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nFoo\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", 400),
        // Versions, of which a later minor one is served as 1.1 (RFC 9110 section 2.5), and other protocols.
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 200), ("GET / HTTP/01.1\r\n", 400), ("GET / HTTP/.1\r\n", 400),
        ("GET / HTTP/1.\r\n", 400), ("GET / IHTTP/1.0\r\n", 400), ("GET / ICE/1.0\r\n", 400),
        ("GET / HTP/1.1\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n", 501),
        ("OPTIONS rtsp://a/ RTSP/1.0\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n", 400),
        ("HTTP/1.1 200 OK\r\n", 400), ("hello\r\n", 400), ("\"GET\" / HTTP/1.1\r\n", 400), ("G@T / HTTP/1.1\r\n", 400),
        // Not yet whole.
        ("GET /test", 0), ("GET /test HTTP/1.1\r", 0), ("GET / HTTP/1.1\r\nHo", 0),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:", 0),
        ("GET / HTTP/1.1\r\nHost: a\r\n", 0),
    ]

    @Test("the requests of public parsers' tests get what the policy says", arguments: corpus)
    func corpusTable(text: String, status: Int) {
        #expect(Decision.status(of: text) == status)
    }

    @Test("what is as long as allowed passes and one more does not")
    func lengths() {
        func request(target: Int = 1, fields: Int = 0, value: Int = 0) -> String {
            "GET /" + String(repeating: "a", count: target - 1) + " HTTP/1.1\r\nHost: a\r\n"
                + String(repeating: "X: y\r\n", count: fields) + "V: " + String(repeating: "v", count: value)
                + "\r\n\r\n"
        }
        #expect(Decision.status(of: request(target: 2_048)) == 200)
        #expect(Decision.status(of: request(target: 2_049)) == 414)
        #expect(Decision.status(of: request(fields: 62)) == 200)
        #expect(Decision.status(of: request(fields: 63)) == 431)
        let fixed = request().utf8.count
        #expect(Decision.status(of: request(value: 8_192 - fixed)) == 200)
        #expect(Decision.status(of: request(value: 8_193 - fixed)) == 431)
    }

    @Test("a query is decoded and bounded")
    func query() throws {
        let limits = HTTPLimits.standard
        let target = try HTTPTarget(Array("/a%20b?x=1+2&y&&z=%3D".utf8)[...], limits: limits)
        #expect(target.path == "/a b")
        #expect(target.query.map(\.name) == ["x", "y", "z"])
        #expect(target.query.map(\.value) == ["1 2", "", "="])
        func status(_ query: String) -> Int { Decision.status(of: "GET /?\(query) HTTP/1.0\r\n\r\n") }
        #expect(status(Array(repeating: "a=b", count: 16).joined(separator: "&")) == 200)
        #expect(status(Array(repeating: "a=b", count: 17).joined(separator: "&")) == 400)
        #expect(status("a=" + String(repeating: "b", count: 255)) == 200)
        #expect(status("a=" + String(repeating: "b", count: 256)) == 400)
    }

    @Test("a target with a host keeps its path and its query, also where one of them is missing")
    func absoluteForm() throws {
        func target(_ text: String) throws -> String {
            var parser = HTTPHeadParser(limits: .standard)
            guard case .complete(let head) = parser.parse(Array("GET \(text) HTTP/1.0\r\n\r\n".utf8)[...]).1 else {
                return "no head"
            }
            let request = try HTTPRequestPolicy(hostRule: .unrestricted, limits: .standard).decide(head).request
            return request.path + request.query.map { " \($0.name)=\($0.value)" }.joined()
        }
        #expect(try target("http://a:1/b/c?d=e") == "/b/c d=e")
        #expect(try target("http://a:1?d=/e&f=g") == "/ d=/e f=g")
        #expect(try target("HTTP://a:1") == "/")
    }

    @Test(
        "addresses, localhost and given names are allowed as hosts",
        arguments: [
            "localhost", "LOCALHOST:80", "127.0.0.1", "10.1.2.3:9667", "[::1]", "[::1]:9667", "[2001:DB8::1]", "own",
            "given.example:1",
        ]
    )
    func allowedHosts(host: String) {
        let rule = HostRule(boundHost: "own", allowedHosts: ["Given.Example"])
        #expect(rule.allows(host))
    }

    @Test(
        "other names and other ways to write an address are not",
        arguments: [
            "evil.example", "localhost6", "localhost.", "localhost.evil.example", "127.1", "0x7f.0.0.1", "0177.0.0.1",
            "127.0.0.01", "2130706433", "127.0.0.1.", "::1", "[::1", "[0:0:0:0:0:0:0:1]", "[::1]x", "[::1]:x",
            "127.0.0.1:", "127.0.0.1:65536", ":80", "1.2.3.4:80:80", "[127.0.0.1]", "given.example.evil", "",
        ]
    )
    func refusedHosts(host: String) {
        let rule = HostRule(boundHost: "own", allowedHosts: ["given.example"])
        #expect(!rule.allows(host))
    }

    @Test("without a host nobody knows who is meant")
    func missingHost() {
        let rule = HostRule(boundHost: "own", allowedHosts: [])
        #expect(!rule.allows(nil))
        #expect(HostRule.unrestricted.allows(nil))
        #expect(Decision.status(of: "GET / HTTP/1.0\r\n\r\n", hostRule: rule) == 403)
        #expect(Decision.status(of: "GET / HTTP/1.1\r\nHost: evil\r\n\r\n", hostRule: rule) == 403)
        #expect(Decision.status(of: "GET http://evil/ HTTP/1.0\r\n\r\n", hostRule: rule) == 403)
        #expect(Decision.status(of: "GET http://evil?@own HTTP/1.0\r\n\r\n", hostRule: rule) == 403)
    }
}
