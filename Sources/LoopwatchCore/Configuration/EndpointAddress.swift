// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where the HTTP endpoint listens.
public enum EndpointAddress: Sendable, Equatable, CustomStringConvertible {
    /// An IPv4 or IPv6 address and a port; port 0 lets the system choose one.
    case tcp(host: String, port: UInt16)
    /// A path in the file system; `{PID}` in it stands for the process id.
    case unix(path: String)

    /// The default: loopback only, so that nothing outside the machine can ask.
    public static let standard = EndpointAddress.tcp(host: "127.0.0.1", port: 9667)

    /// Reads `127.0.0.1:9667`, `[::1]:9667`, `:9667` (loopback), `9667` or `unix:/path`; `nil` for anything else.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // sun_path has 108 bytes with its terminating zero (unix(7)).
            guard path.hasPrefix("/"), path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        var host = "127.0.0.1"
        var port = Substring(text)
        if let colon = text.lastIndex(of: ":") {
            let name = text[..<colon]
            port = text[text.index(after: colon)...]
            if name.hasPrefix("["), name.hasSuffix("]") {
                host = String(name.dropFirst().dropLast())
                guard host.contains(":") else { return nil }
            } else if name.contains(":") {
                return nil
            } else if !name.isEmpty {
                host = String(name)
            }
        }
        guard !port.isEmpty, port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port) else {
            return nil
        }
        self = .tcp(host: host == "localhost" ? "127.0.0.1" : host, port: number)
    }

    /// Whether only this machine can reach the address.
    public var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host == "::1" || host.hasPrefix("127.")
        }
    }

    /// The address as a person opens it: a URL, or the command that asks a Unix socket.
    public var text: String {
        switch self {
        case .unix(let path): "curl --unix-socket \(path) http://localhost/"
        case .tcp: "http://\(self)/"
        }
    }

    /// The address as it is written in a configuration.
    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
