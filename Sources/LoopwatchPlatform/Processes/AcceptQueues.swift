// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Connections that wait to be accepted by a process: those whom its blocked loop keeps waiting, and who have not even
/// been noticed by it.
///
/// Of TCP alone: of sockets with paths the kernel tells no such number in its tables. Belongs to one thread.
package struct AcceptQueues: Sendable {
    /// A socket that listens, with the connections that wait at it.
    package struct Queue: Sendable, Equatable {
        /// Its inode, by which descriptors name it.
        package var inode: UInt64
        /// Its port.
        package var port: UInt16
        /// How many wait.
        package var waiting: Int
    }

    /// Bytes of a table of sockets that are read: those that listen come first, some 150 bytes each.
    private static let tableBytesMost = 128 * 1024
    /// Bytes that are read at first: mostly they have all that listen, and the others may be very many.
    private static let pieceBytes = 4_096
    /// Descriptors of the process that are looked at: servers open what they listen at early, so that it has a low number.
    private static let descriptorsMost = 4_096
    /// Sockets of which it is remembered whose they are.
    private static let socketsMost = 1_024

    private let process: Int32
    /// Whether a socket is the process's.
    private var isOwn: [UInt64: Bool] = [:]
    /// Tells at once; `nil` where only the tables tell.
    private var diagnostics: SocketDiagnostics?

    /// Whether the queues are read in some 50 us: not where the process has a network of its own, as in a container, where it
    /// takes 3 ms and more.
    package var isQuick: Bool { diagnostics != nil }

    /// Creates a reader; nothing is read yet.
    ///
    /// - Parameters:
    ///   - process: whose queues.
    ///   - usesTables: whether to read the tables in /proc alone.
    package init(process: Int32, usesTables: Bool = false) {
        self.process = process
        guard !usesTables, let network = ProcessLink.target(of: "/proc/self/ns/net"),
            ProcessLink.target(of: "/proc/\(process)/ns/net") == network
        else { return }
        diagnostics = SocketDiagnostics()
    }

    /// The queues of the process at which connections wait.
    ///
    /// The first time that connections wait at a socket it takes some 2 us more for each descriptor of the process.
    /// A socket that several processes share is each one's. Empty where the process may not be looked into.
    package mutating func queues() -> [Queue] {
        let waiting = (told() ?? inTables()).filter { $0.waiting > 0 }
        let unknown = waiting.map(\.inode).filter { isOwn[$0] == nil }
        if !unknown.isEmpty { look(for: Set(unknown)) }
        return waiting.filter { isOwn[$0.inode] == true }
    }

    /// What the kernel tells when it is asked; once it does not, it is not asked again.
    private mutating func told() -> [Queue]? {
        guard let diagnostics else { return nil }
        var queues: [Queue] = []
        for family in [AF_INET, AF_INET6] {
            guard let some = diagnostics.listening(family: family) else {
                self.diagnostics = nil
                return nil
            }
            queues += some
        }
        return queues
    }

    /// The same of the tables of the process's own network namespace.
    private func inTables() -> [Queue] {
        ["tcp", "tcp6"].flatMap { name in
            let path = "/proc/\(process)/net/\(name)"
            var table = WholeFile.bytes(at: path, atMost: Self.pieceBytes)
            if table.count == Self.pieceBytes, !Self.holdsOthers(table) {
                table = WholeFile.bytes(at: path, atMost: Self.tableBytesMost)
            }
            return Self.listening(table)
        }
    }

    /// How many connections wait for the process.
    package mutating func waiting() -> Int { queues().reduce(0) { $0 + $1.waiting } }

    /// The sockets that listen in the text of /proc/net/tcp or tcp6 (proc(5)).
    ///
    /// Their state is 0A, and `rx_queue`, in hexadecimal, is how many connections wait (the kernel's get_tcp4_sock). They come
    /// before all others.
    static func listening(_ table: [UInt8]) -> [Queue] {
        var queues: [Queue] = []
        for line in table.split(separator: 10).dropFirst() {
            let fields = line.split(separator: 0x20, maxSplits: 10).prefix(10)
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 10 else { continue }
            guard fields[3] == "0A" else { break }
            let lengths = fields[4].split(separator: ":")
            guard let port = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }),
                lengths.count == 2,
                let waiting = UInt32(lengths[1], radix: 16), let inode = UInt64(fields[9])
            else { continue }
            queues.append(Queue(inode: inode, port: port, waiting: Int(waiting)))
        }
        return queues
    }

    /// Whether a table has lines of sockets that do not listen, which come after all that do.
    static func holdsOthers(_ table: [UInt8]) -> Bool {
        table.split(separator: 10).dropFirst().contains { line in
            let fields = line.split(separator: 0x20, maxSplits: 4).prefix(5)
            return fields.count == 5 && !(fields[fields.startIndex + 3].elementsEqual("0A".utf8))
        }
    }

    /// Looks which of the sockets the process has open.
    private mutating func look(for inodes: Set<UInt64>) {
        if isOwn.count + inodes.count > Self.socketsMost { isOwn = [:] }
        var missing = Set(inodes)
        let folder = "/proc/\(process)/fd"
        var buffer = [CChar](repeating: 0, count: 64)
        for descriptor in ProcessList.numbers(in: folder, atMost: Self.descriptorsMost) where !missing.isEmpty {
            let length = readlink("\(folder)/\(descriptor)", &buffer, buffer.count)
            guard length > 0 else { continue }
            let link = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard link.hasPrefix("socket:["), let inode = UInt64(link.dropFirst(8).dropLast()) else { continue }
            if missing.remove(inode) != nil { isOwn[inode] = true }
        }
        for inode in missing { isOwn[inode] = false }
    }
}
