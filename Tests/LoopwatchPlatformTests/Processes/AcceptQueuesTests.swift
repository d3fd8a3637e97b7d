// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Connections that wait to be accepted")
struct AcceptQueuesTests {
    @Test(
        "those of a process's own sockets are counted until they are accepted",
        arguments: ["127.0.0.1", "::1"],
        [false, true]
    )
    func live(host: String, usesTables: Bool) throws {
        let listener = try ListeningSocket(address: .tcp(host: host, port: 0), backlog: 16)
        defer { listener.close() }
        guard case .tcp(_, let port) = listener.address else {
            Issue.record("the socket is bound to \(listener.address)")
            return
        }
        var queues = AcceptQueues(process: getpid(), usesTables: usesTables)
        #expect(queues.isQuick == !usesTables)
        func waiting() -> Int { queues.queues().first { $0.port == port }?.waiting ?? 0 }
        #expect(waiting() == 0)
        // Among many others, as it is the first that listens or the last.
        var crowd: [ListeningSocket] = []
        for _ in 0..<64 { crowd.append(try ListeningSocket(address: .tcp(host: host, port: 0), backlog: 1)) }
        let address = try #require(SocketAddress(listener.address))
        var clients: [Descriptor] = []
        for _ in 0..<3 {
            let client = Descriptor(owning: socket(address.family, streamType, 0))
            // A socket that does not block has connected by the time it says so; on loopback that is soon.
            _ = address.withPointer { connect(client.number, $0, $1) }
            clients.append(client)
        }
        try eventually("three wait") { waiting() == 3 }
        #expect(queues.waiting() >= 3)
        // They are not another process's, which sees them in the same table.
        var others = AcceptQueues(process: 1, usesTables: usesTables)
        #expect(!others.queues().contains { $0.port == port })
        #expect(queues.isQuick == !usesTables)
        guard case .connection(let first) = listener.accept() else {
            Issue.record("nothing was accepted")
            return
        }
        try eventually("two wait") { waiting() == 2 }
        _ = (first, clients, crowd)
    }

    @Test("sockets that listen are read of the table, as far as it is one")
    func table() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F40 00000000:0000 0A 00000000:00000011 00:00000000 00000000  1000        0 4242 1 0 100 0
               1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4243 1
               2: 0100007F:1F41 00000000:0000 0A 00000000:FFFFFFFFFF 00:00000000 00000000  1000        0 4244 1
               3: 0100007F:1F42 00000000:0000 0A
               4: 0100007F:1F43 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 4245 1
               5: 0100007F:1F40 0100007F:9999 01 00000000:00000400 00:00000000 00000000  1000        0 4246 1
               6: 0100007F:1F44 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 4247 1
            """
        #expect(
            AcceptQueues.listening(Array(table.utf8)) == [
                .init(inode: 4242, port: 8000, waiting: 17), .init(inode: 4243, port: 80, waiting: 0),
                .init(inode: 4245, port: 8003, waiting: 2),
            ]
        )
        #expect(AcceptQueues.holdsOthers(Array(table.utf8)))
        #expect(!AcceptQueues.holdsOthers(Array(table.split(separator: "\n").prefix(6).joined(separator: "\n").utf8)))
        #expect(AcceptQueues.listening([]).isEmpty && !AcceptQueues.holdsOthers([]))
        #expect(AcceptQueues.listening(Array("garbage\n\n\n".utf8)).isEmpty)
    }

    /// A message as linux/netlink.h and linux/inet_diag.h have it.
    private static func message(type: UInt16, state: UInt8 = 10, waiting: UInt32 = 0, inode: UInt32 = 0) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 88)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(bytes.count), toByteOffset: 0, as: UInt32.self)
            bytes.storeBytes(of: type, toByteOffset: 4, as: UInt16.self)
            bytes[17] = state
            (bytes[20], bytes[21]) = (0x1F, 0x40)
            bytes.storeBytes(of: waiting, toByteOffset: 16 + 56, as: UInt32.self)
            bytes.storeBytes(of: inode, toByteOffset: 16 + 68, as: UInt32.self)
        }
        return bytes
    }

    @Test("sockets that listen are read of an answer of the kernel's, as far as it is one")
    func answer() {
        let two = Self.message(type: 20, waiting: 17, inode: 4_242) + Self.message(type: 20, state: 1, inode: 4_243)
        #expect(
            SocketDiagnostics.answer(in: two[...])
                == .init(queues: [.init(inode: 4_242, port: 8_000, waiting: 17)], isOver: false, isRefused: false)
        )
        #expect(SocketDiagnostics.answer(in: (two + Self.message(type: 3) + [1])[...]).isOver)
        #expect(SocketDiagnostics.answer(in: Self.message(type: 2)[...]).isRefused)
        #expect(SocketDiagnostics.answer(in: []) == .init())
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes = two
            for _ in 0..<4 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            #expect(SocketDiagnostics.answer(in: bytes[...]).queues.count <= 2)
        }
    }

    @Test("of a process that is gone nothing waits")
    func gone() {
        var queues = AcceptQueues(process: Int32.max)
        #expect(queues.queues().isEmpty && queues.waiting() == 0)
    }
}
