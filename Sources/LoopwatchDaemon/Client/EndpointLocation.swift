// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Where an endpoint is, as it is given on the command line.
struct EndpointLocation: Equatable, CustomStringConvertible {
    /// How it is reached.
    enum Peer: Equatable {
        /// By TCP; the host is a name or an IP address, without brackets.
        case tcp(host: String, port: UInt16)
        /// By a socket in the file system.
        case unix(path: String)
    }

    /// How it is reached.
    let peer: Peer
    /// What stands before every path, without a slash at its end: a proxy may have the endpoint under one.
    let prefix: String

    /// Reads `http://HOST:PORT`, `HOST:PORT`, `[::1]:PORT`, `:PORT` or `unix:/PATH`; `nil` for anything else.
    ///
    /// A path after the port is taken as the place of the endpoint behind a proxy. Without a port, a URL means 80, and a
    /// host alone the endpoint's own.
    init?(_ text: String) {
        guard !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F }) else { return nil }
        if text.hasPrefix("unix:") {
            guard case .unix(let path)? = EndpointAddress(text) else { return nil }
            peer = .unix(path: path)
            prefix = ""
            return
        }
        let scheme = "http://"
        let isURL = text.lowercased().hasPrefix(scheme)
        var rest = Substring(text)
        if isURL { rest = rest.dropFirst(scheme.count) }
        // Another scheme, a user name or a query cannot be served.
        guard !rest.contains("://"), !rest.contains("@"), !rest.contains("?"), !rest.contains("#") else { return nil }
        var path = ""
        if let slash = rest.firstIndex(of: "/") {
            path = String(rest[slash...])
            rest = rest[..<slash]
        }
        while path.hasSuffix("/") { path.removeLast() }
        var host: Substring
        var port: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let after = rest[rest.index(after: end)...]
            guard host.contains(":"), after.isEmpty || after.hasPrefix(":") else { return nil }
            port = after.isEmpty ? nil : after.dropFirst()
        } else {
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let first = parts.first else { return nil }
            host = first
            port = parts.count == 2 ? parts[1] : nil
            if host.isEmpty, port != nil { host = "127.0.0.1" }
        }
        guard !host.isEmpty else { return nil }
        var number = isURL ? UInt16(80) : 9_667
        if let port {
            guard port.utf8.allSatisfy({ (48...57).contains($0) }), let given = UInt16(port), given > 0 else {
                return nil
            }
            number = given
        }
        peer = .tcp(host: String(host), port: number)
        prefix = path
    }

    /// The endpoint that listens at an address of this machine.
    init(_ address: EndpointAddress) {
        switch address {
        case .tcp(let host, let port): peer = .tcp(host: host, port: port)
        case .unix(let path): peer = .unix(path: path)
        }
        prefix = ""
    }

    /// The value of the request's field `Host`.
    var hostField: String {
        switch peer {
        case .unix: "localhost"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// The location as it can be given again.
    var description: String {
        switch peer {
        case .unix(let path): "unix:\(path)"
        case .tcp: "http://\(hostField)\(prefix)"
        }
    }
}
