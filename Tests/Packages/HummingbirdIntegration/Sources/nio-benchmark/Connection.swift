// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A connection to the server, on the calling thread.
struct Connection {
    private let descriptor: CInt

    /// What failed.
    struct Failure: Error {
        var operation: String
        var code: CInt
    }

    /// Connects to a port of the loopback.
    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let descriptor = descriptor
        let result = withUnsafeBytes(of: &address) { bytes in
            connect(
                descriptor,
                bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_in>.size)
            )
        }
        guard result == 0 else { throw Failure(operation: "connect", code: errno) }
    }

    /// Sends a byte and waits for the answer.
    func roundTrip() throws {
        var byte: UInt8 = 1
        guard send(descriptor, &byte, 1, Int32(MSG_NOSIGNAL)) == 1 else {
            throw Failure(operation: "send", code: errno)
        }
        guard recv(descriptor, &byte, 1, 0) == 1 else { throw Failure(operation: "recv", code: errno) }
    }
}
