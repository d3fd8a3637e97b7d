// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a head is a request that is served, in an order that never changes.
struct HTTPRequestPolicy: Sendable {
    /// What to do for a request that passed.
    struct Admission: Sendable {
        /// The request for the responder.
        var request: HTTPRequest
        /// Whether the client wants to go on with the connection.
        var keepsAlive: Bool
        /// Whether the client speaks HTTP/1.1, and so understands chunks.
        var isVersion11: Bool
    }

    /// Which hosts may be addressed.
    var hostRule: HostRule
    /// The bounds.
    var limits: HTTPLimits

    private static let methodsNotAllowed: Set<String> = [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    ]

    /// Admits a request or says why not.
    func decide(_ head: HTTPHead) throws(HTTPRejection) -> Admission {
        let host = try checkedHost(of: head)
        try checkFraming(of: head)
        let method: HTTPRequest.Method
        switch head.method {
        case "GET": method = .get
        case "HEAD": method = .head
        case let name where HTTPRequestPolicy.methodsNotAllowed.contains(name):
            throw HTTPRejection(405, .malformed, "only GET and HEAD are allowed")
        default:
            throw HTTPRejection(501, .malformed, "the method is not known")
        }
        try checkBody(of: head)
        var authority = host
        let target = try originForm(of: head.target[...], authority: &authority)
        let parsed = try HTTPTarget(target, limits: limits)
        if head.values(of: "expect").contains(where: { $0.lowercased() != "100-continue" }) {
            throw HTTPRejection(417, .malformed, "the only expectation that is understood is 100-continue")
        }
        guard hostRule.allows(authority) else {
            throw HTTPRejection(
                403,
                .host,
                "the Host is not an IP address, localhost or a host name that the configuration allows"
            )
        }
        return Admission(
            request: HTTPRequest(method: method, path: parsed.path, query: parsed.query, fields: head.fields),
            keepsAlive: HTTPRequestPolicy.keepsAlive(head),
            isVersion11: head.minorVersion >= 1
        )
    }

    private func checkedHost(of head: HTTPHead) throws(HTTPRejection) -> String? {
        let hosts = head.values(of: "host")
        guard hosts.count <= 1 else { throw .malformed("there is more than one Host field") }
        guard let host = hosts.first else {
            if head.minorVersion >= 1 { throw .malformed("the Host field is missing") }
            return nil
        }
        guard HTTPRequestPolicy.isAuthority(host) else { throw .malformed("the Host field is not a host") }
        return host
    }

    /// Refuses what would leave it open where the request ends.
    private func checkFraming(of head: HTTPHead) throws(HTTPRejection) {
        let lengths = head.values(of: "content-length")
        let hasEncoding = !head.values(of: "transfer-encoding").isEmpty
        if hasEncoding, !lengths.isEmpty {
            throw .malformed("Transfer-Encoding and Content-Length exclude each other")
        }
        if hasEncoding, head.minorVersion == 0 { throw .malformed("Transfer-Encoding does not exist in HTTP/1.0") }
        guard lengths.count <= 1 else { throw .malformed("there is more than one Content-Length field") }
        if let length = lengths.first {
            guard (1...19).contains(length.utf8.count), length.utf8.allSatisfy(\.isDigit) else {
                throw .malformed("Content-Length is not a number")
            }
        }
    }

    private func checkBody(of head: HTTPHead) throws(HTTPRejection) {
        if !head.values(of: "transfer-encoding").isEmpty {
            throw HTTPRejection(501, .malformed, "requests with a body are not served")
        }
        if head.values(of: "content-length").contains(where: { !$0.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }) {
            throw HTTPRejection(413, .limit, "requests with a body are not served")
        }
    }

    /// Reduces a target of the form that proxies get (RFC 9112 section 3.2.2) to its path and query.
    private func originForm(
        of target: ArraySlice<UInt8>,
        authority: inout String?
    ) throws(HTTPRejection) -> ArraySlice<UInt8> {
        let scheme = "http://"
        guard String(decoding: target.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme else {
            return target
        }
        let rest = target.dropFirst(scheme.utf8.count)
        // The path may be empty before a query (RFC 3986 section 3.3).
        let path = rest.drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        let named = String(decoding: rest.prefix(rest.count - path.count), as: UTF8.self)
        guard HTTPRequestPolicy.isAuthority(named), authority == nil || authority == named else {
            throw .malformed("the target names another host than the Host field")
        }
        authority = named
        return path.first == UInt8(ascii: "/") ? path : [UInt8(ascii: "/")] + path
    }

    private static func isAuthority(_ text: String) -> Bool {
        let forbidden: Set<UInt8> = Set("/\\@?#,".utf8)
        return !text.isEmpty && text.utf8.allSatisfy { $0.isVisible && !forbidden.contains($0) }
    }

    private static func keepsAlive(_ head: HTTPHead) -> Bool {
        var options: Set<String> = []
        for value in head.values(of: "connection") {
            for option in value.lowercased().utf8.split(separator: UInt8(ascii: ",")) {
                let trimmed = option.drop { $0 == .space || $0 == .tab }
                options.insert(String(decoding: trimmed.prefix { $0 != .space && $0 != .tab }, as: UTF8.self))
            }
        }
        if options.contains("close") { return false }
        return head.minorVersion >= 1 || options.contains("keep-alive")
    }
}
