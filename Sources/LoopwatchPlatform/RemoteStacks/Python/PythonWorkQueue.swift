// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The queue of a `concurrent.futures.ThreadPoolExecutor`, such as asyncio's default executor: its workers are those that
/// take work from this queue.
package struct PythonWorkQueue: Hashable, Sendable {
    /// Where a `SimpleQueue` keeps what waits in it, in bytes from its beginning (Modules/_queuemodule.c).
    enum Layout: Hashable, Sendable {
        /// A list, and how much of its beginning has been taken out.
        case list(list: Int, taken: Int)
        /// A count.
        case count(Int)

        /// That of a version; `nil` where it is not known.
        init?(version: String) {
            switch version {
            case "3.11", "3.12": self = .list(list: 32, taken: 40)
            case "3.13": self = .count(56)
            default: return nil
            }
        }
    }

    /// Items that may wait: a larger number is none.
    private static let depthMost: UInt64 = 1 << 40
    /// Where a list keeps how many it has (`PyVarObject.ob_size`).
    private static let listCount: UInt64 = 16
    /// Where a type keeps its name (`PyTypeObject.tp_name`).
    private static let typeName: UInt64 = 24

    /// Address of the queue.
    let address: UInt64
    private let layout: Layout

    /// A queue at an address; `nil` if there is none.
    init?(at address: UInt64, in memory: some ReadableMemory, version: String) {
        guard let layout = Layout(version: version), Self.isQueue(at: address, in: memory) else { return nil }
        self.address = address
        self.layout = layout
    }

    /// How many items wait; `nil` if it is gone, or is no queue any more.
    package func depth(in memory: some ReadableMemory) -> Int? {
        guard Self.isQueue(at: address, in: memory) else { return nil }
        switch layout {
        case .count(let offset):
            guard let count = memory.word(at: address &+ UInt64(offset)), count < Self.depthMost else { return nil }
            return Int(count)
        case .list(let list, let taken):
            guard let list = memory.word(at: address &+ UInt64(list)),
                let taken = memory.word(at: address &+ UInt64(taken)),
                let count = memory.word(at: list &+ Self.listCount), count < Self.depthMost, taken <= count
            else { return nil }
            return Int(count - taken)
        }
    }

    private static func isQueue(at address: UInt64, in memory: some ReadableMemory) -> Bool {
        guard address % 8 == 0, address != 0, let type = memory.word(at: address &+ 8),
            let name = memory.word(at: type &+ typeName)
        else { return false }
        return memory.zeroEndedText(at: name, bytesMost: 32) == "_queue.SimpleQueue"
    }
}

/// What a thread of Python is there for.
package enum PythonWorker: Sendable, Equatable {
    /// It takes work from the queue of an executor.
    case executor(PythonWorkQueue)
    /// Something else.
    case other
}
