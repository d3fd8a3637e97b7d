// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@testable import LoopwatchPlatform

/// Memory made by a test: pages where something was put, nothing elsewhere.
final class FabricatedMemory: ReadableMemory {
    private static let pageBytes: UInt64 = 4_096
    private var pages: [UInt64: [UInt8]] = [:]
    private var nextFree: UInt64
    /// How many times it was read.
    private(set) var reads = 0
    /// Done before each read.
    var beforeRead: ((FabricatedMemory) -> Void)?

    /// Creates memory in which objects are put from an address on.
    init(objectsFrom address: UInt64 = 0x10_0000) { nextFree = address }

    func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        reads += 1
        beforeRead?(self)
        for offset in 0..<buffer.count {
            let (place, overflow) = address.addingReportingOverflow(UInt64(offset))
            guard !overflow, let page = pages[place / Self.pageBytes] else { return offset }
            buffer[offset] = page[Int(place % Self.pageBytes)]
        }
        return buffer.count
    }

    /// Puts bytes somewhere.
    func put(_ bytes: some Sequence<UInt8>, at address: UInt64) {
        for (offset, byte) in bytes.enumerated() {
            let place = address &+ UInt64(offset)
            pages[place / Self.pageBytes, default: [UInt8](repeating: 0, count: Int(Self.pageBytes))][
                Int(place % Self.pageBytes)
            ] = byte
        }
    }

    /// Puts an integer somewhere.
    func put<Value: FixedWidthInteger>(_ value: Value, at address: UInt64) {
        put((0..<MemoryLayout<Value>.size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }, at: address)
    }

    /// Finds room for an object, of which all bytes are 0.
    func object(_ count: Int) -> UInt64 {
        defer { nextFree += UInt64(count + 15) & ~15 }
        put([UInt8](repeating: 0, count: count), at: nextFree)
        return nextFree
    }

    /// All addresses at which a word may lie.
    var wordAddresses: [UInt64] {
        pages.keys.sorted().flatMap { page in stride(from: page * 4_096, to: (page + 1) * 4_096, by: 8) }
    }

    /// Takes a page away.
    func removePage(of address: UInt64) { pages[address / Self.pageBytes] = nil }

    /// A copy.
    func copy() -> FabricatedMemory {
        let copy = FabricatedMemory(objectsFrom: nextFree)
        copy.pages = pages
        return copy
    }
}
