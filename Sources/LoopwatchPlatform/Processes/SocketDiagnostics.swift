// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Asks the kernel for the TCP sockets that listen in this process's network namespace: sock_diag(7).
///
/// It takes some 50 us. A table in /proc has the same, but there the kernel goes through all places where a connection
/// could be, of which it has some 100,000, after those that listen: 3 ms. Belongs to one thread.
struct SocketDiagnostics: Sendable {
    /// What the bytes of an answer tell.
    struct Answer: Equatable {
        /// The sockets in it.
        var queues: [AcceptQueues.Queue] = []
        /// Whether it is the last part.
        var isOver = false
        /// Whether the kernel refuses, or it cannot be read.
        var isRefused = false
    }

    private let socket: Descriptor

    /// A part of an answer is at most so long, in bytes: the kernel uses 32 KiB (netlink_recvmsg).
    private static let partBytes = 32 * 1_024
    /// Parts that are read of an answer.
    private static let partsMost = 64

    // linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h, of which the module imports little.
    private static let headerBytes = 16
    private static let messageBytes = 72
    private static let errorType: UInt16 = 2
    private static let doneType: UInt16 = 3
    private static let socketsByFamilyType: UInt16 = 20
    private static let listenState: UInt32 = 10

    /// Opens the way to ask; `nil` where there is none.
    init?() {
        // AF_NETLINK and NETLINK_SOCK_DIAG.
        let type = CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        socket = Descriptor(owning: Glibc.socket(16, type, 4))
        guard socket.number >= 0 else { return nil }
    }

    /// The sockets of a family that listen, with the connections that wait at them; `nil` where the kernel does not tell.
    ///
    /// - Parameter family: `AF_INET` or `AF_INET6`.
    func listening(family: CInt) -> [AcceptQueues.Queue]? {
        let request = Self.request(family: UInt8(truncatingIfNeeded: family))
        let sent = request.withUnsafeBytes { send(socket.number, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT)) }
        guard sent == request.count else { return nil }
        var queues: [AcceptQueues.Queue] = []
        var buffer = [UInt8](repeating: 0, count: Self.partBytes)
        for _ in 0..<Self.partsMost {
            // The kernel has it ready when the question was taken.
            let count = buffer.withUnsafeMutableBytes {
                recv(socket.number, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
            guard count > 0 else { return nil }
            let answer = Self.answer(in: buffer[..<count])
            guard !answer.isRefused else { return nil }
            queues += answer.queues
            if answer.isOver { return queues }
        }
        return nil
    }

    /// A question for all sockets of a family that listen: a netlink header and an `inet_diag_req_v2`.
    private static func request(family: UInt8) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: headerBytes + 56)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(bytes.count), toByteOffset: 0, as: UInt32.self)
            bytes.storeBytes(of: socketsByFamilyType, toByteOffset: 4, as: UInt16.self)
            // NLM_F_REQUEST | NLM_F_DUMP.
            bytes.storeBytes(of: 0x301, toByteOffset: 6, as: UInt16.self)
            bytes[headerBytes] = family
            bytes[headerBytes + 1] = UInt8(IPPROTO_TCP)
            bytes.storeBytes(of: 1 << listenState, toByteOffset: headerBytes + 4, as: UInt32.self)
        }
        return bytes
    }

    /// Reads a part of an answer: messages of a netlink header and an `inet_diag_msg`, in which `idiag_rqueue` of a socket that
    /// listens is how many connections wait (the kernel's tcp_diag_get_info).
    static func answer(in bytes: ArraySlice<UInt8>) -> Answer {
        var answer = Answer()
        bytes.withUnsafeBytes { bytes in
            func load<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type) -> Value {
                bytes.loadUnaligned(fromByteOffset: offset, as: type)
            }
            var offset = 0
            while offset < bytes.count, !answer.isOver, !answer.isRefused {
                guard bytes.count - offset >= headerBytes else { return answer.isRefused = true }
                let length = Int(load(offset, as: UInt32.self))
                let type = load(offset + 4, as: UInt16.self)
                guard length >= headerBytes, length <= bytes.count - offset else { return answer.isRefused = true }
                switch type {
                case doneType: answer.isOver = true
                case errorType: answer.isRefused = true
                case socketsByFamilyType where length >= headerBytes + messageBytes:
                    let message = offset + headerBytes
                    guard bytes[message + 1] == listenState else { break }
                    answer.queues.append(
                        AcceptQueues.Queue(
                            inode: UInt64(load(message + 68, as: UInt32.self)),
                            port: UInt16(bigEndian: load(message + 4, as: UInt16.self)),
                            waiting: Int(load(message + 56, as: UInt32.self))
                        )
                    )
                default: break
                }
                // Each begins at a multiple of four bytes.
                offset += (length + 3) & ~3
            }
        }
        return answer
    }
}
