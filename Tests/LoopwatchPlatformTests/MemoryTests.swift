// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Testing

/// Reading memory that may not be there.
@Suite("Memory")
struct MemoryTests {
    @Test("words that are there are copied")
    func mapped() {
        let words: [UInt64] = [1, .max, 3]
        words.withUnsafeBytes { bytes in
            let address = UInt(bitPattern: bytes.baseAddress)
            #expect(Memory.words(at: address, count: 3) == words)
            #expect(Memory.words(at: address + 8, count: 1) == [.max])
            #expect(Memory.word(at: address + 16) == 3)
        }
    }

    @Test("what is not mapped, not aligned or not there is not read")
    func unmapped() {
        for address in [0, 8, 4_096, UInt.max - 7, 0xffff_8000_0000_0000, 0x0000_8000_0000_0000] as [UInt] {
            #expect(Memory.words(at: address, count: 1) == nil)
        }
        let words: [UInt64] = [1, 2]
        words.withUnsafeBytes { bytes in
            let address = UInt(bitPattern: bytes.baseAddress)
            #expect(Memory.words(at: address + 1, count: 1) == nil)
            #expect(Memory.words(at: address, count: 0) == nil)
            #expect(Memory.words(at: address, count: -1) == nil)
        }
        #expect(Memory.word(at: 0) == 0)
    }

    @Test("words that are there only in part are not read")
    func partly() throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let pages = mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        let start = try #require(pages == MAP_FAILED ? nil : pages)
        defer { munmap(start, 2 * page) }
        #expect(mprotect(start + page, page, PROT_NONE) == 0)
        let last = UInt(bitPattern: start) + UInt(page) - 8
        #expect(Memory.words(at: last, count: 1) == [0])
        #expect(Memory.words(at: last, count: 2) == nil)
    }
}
