// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Words for a socket's address as the kernel gives it.
enum SocketWords {
    /// `tcp 10.0.0.5:5432`, `udp [::1]:53`, `unix /path`, `unix @abstract`, `unix`; `nil` for a form that is not known.
    static func of(_ address: [UInt8], isStream: Bool) -> String? {
        address.withUnsafeBytes { bytes in
            guard bytes.count >= 2 else { return nil }
            let kind = isStream ? "tcp" : "udp"
            switch CInt(bytes.loadUnaligned(as: sa_family_t.self)) {
            case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
                return kind + " " + host(AF_INET, bytes[4..<8]) + ":\(port(bytes))"
            case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
                return kind + " [" + host(AF_INET6, bytes[8..<24]) + "]:\(port(bytes))"
            case AF_UNIX: return unix(Array(bytes[2...]))
            case AF_NETLINK: return "netlink"
            default: return nil
            }
        }
    }

    /// Bytes 2 and 3 of both Internet forms, highest first (ip(7), ipv6(7)).
    private static func port(_ bytes: UnsafeRawBufferPointer) -> Int { Int(bytes[2]) << 8 | Int(bytes[3]) }

    private static func host(_ family: CInt, _ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = Array(bytes).withUnsafeBytes { inet_ntop(family, $0.baseAddress, &buffer, socklen_t(buffer.count)) }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A path ends with a zero, an abstract name begins with one, and a socket of socketpair(2) has neither (unix(7)).
    private static func unix(_ path: [UInt8]) -> String {
        guard let first = path.first else { return "unix" }
        if first == 0 { return path.count > 1 ? "unix @" + String(decoding: path.dropFirst(), as: UTF8.self) : "unix" }
        return "unix " + String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
    }
}
