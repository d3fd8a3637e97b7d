// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore

/// An address in the kernel's form.
struct SocketAddress {
    /// Large enough for every family.
    private var storage = sockaddr_storage()
    /// The bytes of `storage` that count.
    private var length: socklen_t = 0

    /// The address family, for socket(2).
    var family: CInt { CInt(storage.ss_family) }

    /// Converts an address of the configuration; `nil` if its host is not an IP address, or its path is too long.
    ///
    /// Names are not looked up: that could block for seconds, and would bind whatever the resolver says.
    init?(_ address: EndpointAddress) {
        switch address {
        case .tcp(let host, let port):
            guard setInternet(host: host == "localhost" ? "127.0.0.1" : host, port: port) else { return nil }
        case .unix(let path):
            guard setUnix(path: path) else { return nil }
        }
    }

    /// A name in the abstract namespace of Unix sockets, without what marks it; `nil` if it is empty or too long (unix(7)).
    init?(abstract name: some StringProtocol) {
        var unix = sockaddr_un()
        unix.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        // A zero comes before it, and none after it: each further byte would be a part of the name.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: unix.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &unix.sun_path) { $0[1...].copyBytes(from: bytes) }
        store(unix)
        length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + bytes.count)
    }

    /// The address that a socket is bound to; `nil` if it is not an Internet socket.
    static func boundEndpoint(of descriptor: CInt) -> EndpointAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &storage) { bytes in
            getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard result == 0 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let port: UInt16? = withUnsafeBytes(of: storage) { bytes in
            switch CInt(storage.ss_family) {
            case AF_INET:
                var internet = bytes.load(as: sockaddr_in.self)
                inet_ntop(AF_INET, &internet.sin_addr, &buffer, socklen_t(buffer.count))
                return UInt16(bigEndian: internet.sin_port)
            case AF_INET6:
                var internet = bytes.load(as: sockaddr_in6.self)
                inet_ntop(AF_INET6, &internet.sin6_addr, &buffer, socklen_t(buffer.count))
                return UInt16(bigEndian: internet.sin6_port)
            default:
                return nil
            }
        }
        guard let port else { return nil }
        let host = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return .tcp(host: host, port: port)
    }

    /// Passes the address to a system call.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: storage) { bytes in
            body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    private mutating func setInternet(host: String, port: UInt16) -> Bool {
        guard !host.utf8.contains(0) else { return false }
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            store(four)
        } else if inet_pton(AF_INET6, host, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            store(six)
        } else {
            return false
        }
        return true
    }

    private mutating func setUnix(path: String) -> Bool {
        var unix = sockaddr_un()
        unix.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // The path needs room for its terminating zero (unix(7)).
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count < MemoryLayout.size(ofValue: unix.sun_path) else {
            return false
        }
        withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: bytes) }
        store(unix)
        return true
    }

    private mutating func store<Address>(_ address: Address) {
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: Address.self) }
        length = socklen_t(MemoryLayout<Address>.size)
    }
}
