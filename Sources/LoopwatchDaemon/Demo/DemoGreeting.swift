// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// What the demo says first: where to look, and what to try.
enum DemoGreeting {
    /// The lines, the first with the endpoint's address.
    ///
    /// - Parameters:
    ///   - endpoint: where the watch's endpoint listens; `nil` if it does not.
    ///   - ports: the ports of the demo's own loops.
    static func lines(endpoint: EndpointAddress?, ports: [(name: String, port: UInt16)]) -> [String] {
        var lines: [String] = []
        if let endpoint {
            lines.append("Loopwatch demo: \(endpoint.text)")
            lines.append("  \(curl(endpoint, "metrics", options: ""))  # the metrics, for Prometheus")
            lines.append("  \(curl(endpoint, "warnings?follow=1", options: "-N "))  # the warnings as they come")
        } else {
            lines.append("Loopwatch demo: without an endpoint")
        }
        for loop in ports.prefix(1) {
            lines.append("  curl http://127.0.0.1:\(loop.port)/sleep  # block the loop \(loop.name) yourself")
        }
        lines.append("  Ctrl-C ends it.")
        return lines
    }

    private static func curl(_ endpoint: EndpointAddress, _ path: String, options: String) -> String {
        switch endpoint {
        case .tcp: "curl \(options)'http://\(endpoint)/\(path)'"
        case .unix(let socket): "curl \(options)--unix-socket '\(socket)' 'http://localhost/\(path)'"
        }
    }
}
