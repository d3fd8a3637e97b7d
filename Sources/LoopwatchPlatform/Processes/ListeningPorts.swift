// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Finds the processes that listen at a TCP port.
package struct ListeningPorts {
    /// A socket that listens.
    package struct Listener: Hashable, Sendable {
        /// Its inode, by which descriptors name it.
        package var inode: UInt64
        /// The user who opened it.
        package var user: UInt32
    }

    /// Most bytes of a table of sockets that are read.
    private static let tableBytesMost = 16 << 20
    /// Most descriptors of a process that are looked at.
    private static let descriptorsMost = 65_536

    /// The sockets that listen at a port, in this network namespace.
    package static func listeners(at port: UInt16) -> Set<Listener> {
        var result: Set<Listener> = []
        for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
            result.formUnion(listeners(at: port, table: WholeFile.bytes(at: path, atMost: tableBytesMost)))
        }
        return result
    }

    /// Those in the text of /proc/net/tcp or tcp6 (proc(5)): state 0A listens.
    static func listeners(at port: UInt16, table: [UInt8]) -> [Listener] {
        table.split(separator: 10).dropFirst().compactMap { line in
            let fields = line.split(separator: 0x20).prefix(10).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 10, fields[3] == "0A", let local = fields[1].split(separator: ":").last,
                UInt16(local, radix: 16) == port, let user = UInt32(fields[7]), let inode = UInt64(fields[9])
            else { return nil }
            return Listener(inode: inode, user: user)
        }
    }

    /// Those of the given processes that have one of the sockets open, as far as this one may look into them.
    package static func holders(of listeners: Set<Listener>, among processes: some Sequence<Int32>) -> Set<Int32> {
        let links = Set(listeners.map { "socket:[\($0.inode)]" })
        guard !links.isEmpty else { return [] }
        return Set(
            processes.filter { process in
                let folder = "/proc/\(process)/fd"
                return ProcessList.numbers(in: folder, atMost: descriptorsMost).contains { descriptor in
                    var buffer = [CChar](repeating: 0, count: 64)
                    let length = readlink("\(folder)/\(descriptor)", &buffer, buffer.count)
                    guard length > 0 else { return false }
                    return links.contains(
                        String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    )
                }
            }
        )
    }
}
