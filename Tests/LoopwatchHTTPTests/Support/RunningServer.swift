// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP

/// Starts a server on a free port of the loopback, runs the body, and stops it.
func withServer(
    _ responder: TestResponder = TestResponder(),
    limits: HTTPLimits = .standard,
    allowedHosts: [String] = [],
    host: String = "127.0.0.1",
    _ body: (HTTPServer) throws -> Void
) throws {
    let server = try HTTPServer(
        address: .tcp(host: host, port: 0),
        limits: limits,
        allowedHosts: allowedHosts,
        responder: responder
    )
    try server.start()
    defer { server.stop() }
    try body(server)
}

extension HTTPServer {
    /// A new connection to the server.
    func connect(receiveBufferBytes: Int32? = nil) throws -> TestClient {
        try TestClient(boundAddress, receiveBufferBytes: receiveBufferBytes)
    }

    /// How often a handler answered with a code.
    func count(_ handler: String, _ code: Int) -> Int {
        statistics.requests.first { $0.handler == handler && $0.code == code }?.count ?? 0
    }

    /// How often something was refused for a reason.
    func count(_ reason: HTTPRejectionReason) -> Int {
        statistics.rejections.first { $0.reason == reason }?.count ?? 0
    }
}
