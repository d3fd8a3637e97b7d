// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import LoopwatchHTTP
import Testing

@testable import struct Loopwatch.ProfileEndpoint
@testable import class Loopwatch.ProfileStore

@Suite("The profile's endpoints")
struct ProfileEndpointTests {
    private let store = ProfileStore()
    private let stack = Stack(frames: [
        StackFrame(function: "nanosleep", module: "libc.so.6", origin: .system),
        StackFrame(function: "checkout()", file: "Checkout.swift", line: 14, module: "api", origin: .host),
    ])

    private var endpoint: ProfileEndpoint { ProfileEndpoint(process: "api", store: store) }

    private func request(_ query: [(name: String, value: String)] = [], accept: String? = nil) -> HTTPRequest {
        HTTPRequest(method: .get, path: "/", query: query, headers: accept.map { [(name: "Accept", value: $0)] } ?? [])
    }

    private func body(_ response: HTTPResponse) -> [UInt8] {
        if case .bytes(let bytes) = response.body { return bytes }
        return []
    }

    private func text(_ response: HTTPResponse) -> String { String(decoding: body(response), as: UTF8.self) }

    private func header(_ name: String, _ response: HTTPResponse) -> String? {
        response.headers.first { $0.name == name }?.value
    }

    private func record() {
        store.record(
            stack: stack,
            subject: .loop,
            target: "http-0",
            cause: .cpu,
            nanoseconds: 312_000_000,
            isNewStall: true,
            stallNanoseconds: 312_000_000,
            unixNanoseconds: 1
        )
        store.recordUnattributed(nanoseconds: 1_000_000, isNewStall: true)
    }

    @Test("the stalls are a table, or JSON where that is asked for")
    func stalls() {
        record()
        let table = endpoint.stalls(request())
        #expect(table.status == 200 && table.handler == "stalls")
        #expect(header("Content-Type", table) == "text/plain; charset=utf-8")
        #expect(text(table).contains("checkout() Checkout.swift:14"))
        for json in [
            endpoint.stalls(request([("format", "json")])),
            endpoint.stalls(request([("limit", "1")], accept: "application/json")),
        ] {
            #expect(header("Content-Type", json) == "application/json" && header("Vary", json) == "Accept")
            #expect(text(json).contains(#""function":"checkout()""#) && !text(json).contains("nanosleep"))
        }
    }

    @Test("one stack is found by its id, in either case, and other ids are not found")
    func stall() {
        record()
        let identifier = Stack.identifier(of: stack.fingerprint)
        for name in [identifier, identifier.uppercased()] {
            let response = endpoint.stall(Substring(name), request())
            #expect(response.status == 200)
            #expect(text(response).contains("nanosleep"))
        }
        let json = endpoint.stall(Substring(identifier), request([("format", "json")]))
        #expect(text(json).contains(#""stack":[{"function":"nanosleep""#))
        for name in ["", "0", "0000000000000000", identifier + "0", identifier + "/", "../metrics", "xyz"] {
            let response = endpoint.stall(Substring(name), request())
            #expect(response.status == 404, "\(name)")
            #expect(text(response).hasPrefix("404 Not Found: "))
        }
    }

    @Test("the profile has four forms")
    func forms() {
        record()
        let folded = endpoint.profile(request())
        #expect(text(folded) == "http-0;checkout();nanosleep 312000\n(no stack) 1000\n")
        let pprof = endpoint.profile(request([("format", "pprof")]))
        #expect(header("Content-Type", pprof) == "application/octet-stream")
        #expect(body(pprof).prefix(3) == [0x1F, 0x8B, 8])
        let graph = endpoint.profile(request([("format", "svg")]))
        #expect(header("Content-Type", graph) == "image/svg+xml; charset=utf-8")
        #expect(header("Content-Security-Policy", graph) == "default-src 'none'; style-src 'unsafe-inline'")
        #expect(text(graph).hasPrefix("<svg ") && text(graph).contains(">checkout()</text>"))
        let json = endpoint.profile(request([("format", "json")]))
        #expect(text(json).contains(#""unattributed_blocked_ms":1"#) && text(json).contains("nanosleep"))
        #expect([folded, pprof, graph, json].allSatisfy { $0.status == 200 && $0.handler == "profile" })
    }

    @Test("collectors of Go programs find the profile where they look for it")
    func goBlockProfile() {
        record()
        for query in [[], [("seconds", "30")], [("debug", "0")]] as [[(name: String, value: String)]] {
            let response = endpoint.goBlockProfile(request(query))
            #expect(response.status == 200 && response.handler == "pprof")
            #expect(header("Content-Type", response) == "application/octet-stream")
            #expect(body(response).prefix(3) == [0x1F, 0x8B, 8])
        }
        let table = endpoint.goBlockProfile(request([("debug", "1")]))
        #expect(text(table).contains("checkout() Checkout.swift:14"))
    }

    @Test("an empty profile is answered in every form")
    func empty() {
        for form in ["folded", "pprof", "svg", "json"] {
            #expect(endpoint.profile(request([("format", form)])).status == 200)
        }
        #expect(endpoint.stalls(request()).status == 200)
        #expect(endpoint.goBlockProfile(request()).status == 200)
    }

    @Test("parameters that are not understood are 400 with a sentence that names them")
    func badParameters() {
        let answers: [(HTTPResponse, String)] = [
            (endpoint.stalls(request([("format", "svg")])), "format"),
            (endpoint.stalls(request([("limit", "0")])), "limit"),
            (endpoint.stalls(request([("limit", "513")])), "limit"),
            (endpoint.stalls(request([("limit", "1"), ("limit", "1")])), "limit"),
            (endpoint.stalls(request([("colour", "red")])), "colour"),
            (endpoint.stall("0000000000000000", request([("limit", "1")])), "limit"),
            (endpoint.profile(request([("format", "text")])), "format"),
            (endpoint.profile(request([("seconds", "1")])), "seconds"),
            (endpoint.goBlockProfile(request([("seconds", "-1")])), "seconds"),
            (endpoint.goBlockProfile(request([("seconds", "3601")])), "seconds"),
            (endpoint.goBlockProfile(request([("debug", "x")])), "debug"),
            (endpoint.goBlockProfile(request([("debug", "1"), ("debug", "1")])), "debug"),
            (endpoint.goBlockProfile(request([("format", "svg")])), "format"),
        ]
        for (response, name) in answers {
            #expect(response.status == 400)
            #expect(text(response).hasPrefix("400 Bad Request: ") && text(response).hasSuffix(".\n"))
            #expect(text(response).contains(name), "\(text(response))")
        }
    }

    @Test("the profile's size is in the metrics")
    func metrics() {
        record()
        var snapshot = CaptureSnapshot()
        store.fill(&snapshot)
        #expect(snapshot.profileStacks == 1 && snapshot.profileEvicted == 0)
    }
}

extension Live {
    @Suite("The profile over HTTP")
    struct ProfileOverHTTPTests {
        @Test("every path is answered, listed, and refuses what the others refuse")
        func paths() throws {
            try withWatch({ $0.endpoint = .free }) { watch, _ in
                let address = try #require(watch.endpointAddress)
                let index = try TestClient.get("/", address).body
                for path in ["/stalls", "/profile", "/profile?format=svg", "/debug/pprof/block"] {
                    #expect(try TestClient.get(path, address).status == 200, "\(path)")
                    #expect(index.contains(path))
                    let client = try TestClient(address)
                    try client.request(path, method: "POST")
                    #expect(try client.response().status == 405)
                    let head = try TestClient(address)
                    try head.request(path, method: "HEAD")
                    #expect(try head.response(toHead: true).status == 200)
                }
                for path in ["/stalls/", "/stalls/0000000000000000", "/profile/", "/debug/pprof/", "/debug/pprof/heap"]
                {
                    #expect(try TestClient.get(path, address).status == 404, "\(path)")
                }
                #expect(try TestClient.get("/profile?format=xml", address).status == 400)
                #expect(watch.metric("loopwatch_profile_stacks") != nil)
                #expect(watch.metric(#"loopwatch_stack_captures_total{method="passive"}"#) != nil)
            }
        }
    }
}
