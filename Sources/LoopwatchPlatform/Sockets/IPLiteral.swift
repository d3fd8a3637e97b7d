// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Addresses as they are written in a URL.
package enum IPLiteral {
    /// Whether the text is an IPv4 address in its one canonical form: four decimal octets without leading zeros.
    ///
    /// Other spellings (`127.1`, `0x7f000001`, `0177.0.0.1`) are read differently by different programs, which is how
    /// filters on host names were evaded (CVE-2022-32212).
    package static func isCanonicalIPv4(_ text: String) -> Bool {
        // inet_pton(3) accepts nothing but four decimal octets, but lets them have leading zeros in some C libraries.
        roundTrip(text, family: AF_INET) == text
    }

    /// Whether the text is an IPv6 address, without brackets, in its one canonical form (RFC 5952).
    package static func isCanonicalIPv6(_ text: String) -> Bool {
        roundTrip(text, family: AF_INET6) == text.lowercased()
    }

    /// The text that the C library prints for the address it reads; `nil` if it reads none.
    private static func roundTrip(_ text: String, family: CInt) -> String? {
        guard !text.utf8.contains(0) else { return nil }
        var address = in6_addr()
        guard inet_pton(family, text, &address) == 1 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, &address, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
