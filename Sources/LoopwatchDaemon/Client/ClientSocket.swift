// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The system calls of a client's socket, each with a deadline.
enum ClientSocket {
    /// Connects; returns the descriptor, which does not block and is closed on exec.
    static func connect(
        _ peer: EndpointLocation.Peer,
        until deadline: MonotonicInstant,
        interrupt: Interrupt
    ) throws(ClientProblem) -> CInt {
        switch peer {
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bytes = withUnsafeBytes(of: address) { Array($0) }
            return try connect(bytes, family: AF_UNIX, until: deadline, interrupt: interrupt)
        case .tcp(let host, let port):
            var problem = ClientProblem.connection("there is no address of '\(host)'")
            for address in try addresses(of: host, port: port) {
                do throws(ClientProblem) {
                    return try connect(address.bytes, family: address.family, until: deadline, interrupt: interrupt)
                } catch {
                    if error == .interrupted { throw error }
                    problem = error
                }
            }
            throw problem
        }
    }

    /// The addresses of a host, by the system's resolver, which can take its time.
    private static func addresses(
        of host: String,
        port: UInt16
    ) throws(ClientProblem) -> [(family: CInt, bytes: [UInt8])] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = CInt(AI_NUMERICSERV)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else {
            throw .connection("the host '\(host)' is not found: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var addresses: [(CInt, [UInt8])] = []
        var entry = list
        while let found = entry {
            let bytes = UnsafeRawBufferPointer(start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen))
            addresses.append((found.pointee.ai_family, Array(bytes)))
            entry = found.pointee.ai_next
        }
        return addresses
    }

    private static func connect(
        _ address: [UInt8],
        family: CInt,
        until deadline: MonotonicInstant,
        interrupt: Interrupt
    ) throws(ClientProblem) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .connection("\(SystemError(operation: "socket"))") }
        do throws(ClientProblem) {
            let result = retryingInterrupted {
                address.withUnsafeBytes { bytes in
                    Glibc.connect(
                        descriptor,
                        bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                        socklen_t(bytes.count)
                    )
                }
            }
            if result != 0 {
                guard errno == EINPROGRESS else { throw .connection("\(SystemError(operation: "connect"))") }
                guard try wait(descriptor, POLLOUT, until: deadline, interrupt: interrupt) else {
                    throw .connection("\(SystemError(operation: "connect", code: ETIMEDOUT))")
                }
                var code: CInt = 0
                var length = socklen_t(MemoryLayout<CInt>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
                guard code == 0 else { throw .connection("\(SystemError(operation: "connect", code: code))") }
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Sends all of a request.
    static func send(
        _ bytes: [UInt8],
        to descriptor: CInt,
        until deadline: MonotonicInstant,
        interrupt: Interrupt
    ) throws(ClientProblem) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard try wait(descriptor, POLLOUT, until: deadline, interrupt: interrupt) else {
                throw .connection("the request could not be sent in time")
            }
            let count = retryingInterrupted {
                rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            }
            if count < 0, errno == EAGAIN { continue }
            guard count > 0 else { throw .connection("\(SystemError(operation: "send"))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits until a socket is ready; returns whether it was before the deadline.
    ///
    /// - Throws: ``ClientProblem/interrupted`` when it was time to end first.
    static func wait(
        _ descriptor: CInt,
        _ events: CInt,
        until deadline: MonotonicInstant,
        interrupt: Interrupt
    ) throws(ClientProblem) -> Bool {
        while true {
            let left = max(0, deadline.nanoseconds(since: Clock.now()))
            let milliseconds = CInt(clamping: (left + 999_999) / 1_000_000)
            guard let result = interrupt.wait(descriptor, events, milliseconds: milliseconds) else {
                throw .connection("\(SystemError(operation: "poll"))")
            }
            if result.hasCome { throw .interrupted }
            if result.isReady { return true }
            if left == 0 { return false }
        }
    }
}
