// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// The memory of another process, read with process_vm_readv(2): that neither stops nor touches it.
package struct ProcessMemory: ReadableMemory {
    private let process: Int32

    /// Describes the memory of a process.
    package init(process: Int32) { self.process = process }

    package func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let destination = buffer.baseAddress, buffer.count > 0 else { return 0 }
        return max(0, lw_read_process_memory(process, address, destination, buffer.count))
    }

    package func gather(_ pieces: [MemoryPiece]) -> [UInt8]? {
        let wanted = pieces.reduce(0) { $0 + $1.count }
        guard !pieces.isEmpty, wanted > 0 else { return [] }
        let listed = pieces.map { lw_memory_piece(address: $0.address, count: $0.count) }
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, done in
            done = max(0, lw_gather_process_memory(process, listed, listed.count, buffer.baseAddress!, wanted))
        }
        return bytes.count == wanted ? bytes : nil
    }
}
