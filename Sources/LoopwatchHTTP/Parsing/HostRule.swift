// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// Which hosts a request may be addressed to: the defence against DNS rebinding.
///
/// A page of any site can make a browser send requests here once its own name resolves to this machine; but the browser
/// then names that site as the host. An address cannot be rebound, nor can `localhost`.
struct HostRule: Sendable {
    /// Names in lower case; `nil` where any host is fine.
    private let names: Set<String>?

    /// No rule, for Unix sockets: browsers cannot reach them.
    static let unrestricted = HostRule(names: nil)

    /// Allows addresses, `localhost`, the name that the server is bound to, and the given names.
    init(boundHost: String, allowedHosts: [String]) {
        self.init(names: Set((["localhost", boundHost] + allowedHosts).map { $0.lowercased() }))
    }

    private init(names: Set<String>?) {
        self.names = names
    }

    /// Whether the value of a Host field, or the authority of a target, is allowed.
    func allows(_ authority: String?) -> Bool {
        guard let names else { return true }
        guard let authority, let host = HostRule.host(of: authority) else { return false }
        if host.hasPrefix("[") {
            return names.contains(host.lowercased()) || IPLiteral.isCanonicalIPv6(String(host.dropFirst().dropLast()))
        }
        return names.contains(host.lowercased()) || IPLiteral.isCanonicalIPv4(String(host))
    }

    /// The host without its port; `nil` if it is not written as one.
    private static func host(of authority: String) -> Substring? {
        var host = Substring(authority)
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            let port = authority[authority.index(after: colon)...]
            guard !port.isEmpty, port.utf8.allSatisfy(\.isDigit), UInt16(port) != nil else { return nil }
            host = authority[..<colon]
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        return host.isEmpty || (host.contains(":") && !isBracketed) ? nil : host
    }
}
