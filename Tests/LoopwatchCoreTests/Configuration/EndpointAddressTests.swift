// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Where the endpoint listens, as people write it.
@Suite("Endpoint address")
struct EndpointAddressTests {
    @Test(
        "addresses are read, and written as they are read",
        arguments: [
            ("127.0.0.1:9667", .tcp(host: "127.0.0.1", port: 9_667), "127.0.0.1:9667"),
            ("[::1]:0", .tcp(host: "::1", port: 0), "[::1]:0"),
            (":80", .tcp(host: "127.0.0.1", port: 80), "127.0.0.1:80"),
            ("65535", .tcp(host: "127.0.0.1", port: 65_535), "127.0.0.1:65535"),
            ("localhost:1", .tcp(host: "127.0.0.1", port: 1), "127.0.0.1:1"),
            ("0.0.0.0:1", .tcp(host: "0.0.0.0", port: 1), "0.0.0.0:1"),
            ("unix:/run/a b:c", .unix(path: "/run/a b:c"), "unix:/run/a b:c"),
            ("unix:/run/{PID}.sock", .unix(path: "/run/{PID}.sock"), "unix:/run/{PID}.sock"),
        ] as [(String, EndpointAddress, String)]
    )
    func good(_ text: String, address: EndpointAddress, description: String) {
        #expect(EndpointAddress(text) == address)
        #expect(address.description == description)
        #expect(EndpointAddress(description) == address)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", "host", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "::1:80",
            "[::1]", "[::1]80", "[::1:80", "::1]:80", "[]:80", "[localhost]:80", "unix:", "unix:relative",
            "unix:/a\u{0}b",
            "1e3", "127.0.0.1:٨٠", "http://127.0.0.1:80", "unix:/" + String(repeating: "a", count: 107),
        ]
    )
    func bad(_ text: String) {
        #expect(EndpointAddress(text) == nil)
    }

    @Test("the longest path that fits a socket's address is taken")
    func longestPath() {
        let path = "/" + String(repeating: "a", count: 106)
        #expect(EndpointAddress("unix:\(path)") == .unix(path: path))
    }

    @Test("only loopback addresses and Unix sockets are local")
    func local() {
        #expect(EndpointAddress.standard.isLocal)
        #expect(EndpointAddress.tcp(host: "::1", port: 1).isLocal)
        #expect(EndpointAddress.tcp(host: "127.8.0.1", port: 1).isLocal)
        #expect(EndpointAddress.unix(path: "/a").isLocal)
        for host in ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "", "1270.0.0.1"] {
            #expect(!EndpointAddress.tcp(host: host, port: 1).isLocal)
        }
    }

    @Test("people are told how to open it")
    func text() {
        #expect(EndpointAddress.tcp(host: "::1", port: 1).text == "http://[::1]:1/")
        #expect(EndpointAddress.unix(path: "/a").text == "curl --unix-socket /a http://localhost/")
    }
}
