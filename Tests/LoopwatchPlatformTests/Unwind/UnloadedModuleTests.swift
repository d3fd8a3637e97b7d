// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Modules that are unloaded")
struct UnloadedModuleTests {
    @Test("code that is not there any more is forgotten before it is read")
    func dropped() throws {
        let size = 8_192
        let memory = try #require(mmap(nil, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        let bytes = UnsafeRawBufferPointer(start: memory, count: size)
        let address = UInt64(UInt(bitPattern: memory))
        let code = try #require(AddressedBytes(bytes, at: address))
        var table = ModuleTable(modules: [Module(code: code, table: nil)], data: [code])
        let isDroppedWhileThere = table.dropUnloaded()
        #expect(!isDroppedWhileThere)
        #expect(table.holdsCode(address + 16) && table.word(at: address) == 0)
        munmap(memory, size)
        let isDropped = table.dropUnloaded()
        #expect(isDropped)
        #expect(!table.holdsCode(address + 16) && table.word(at: address) == nil)
        let isDroppedTwice = table.dropUnloaded()
        #expect(!isDroppedTwice)
    }

    @Test("none of this process's own is")
    func kept() {
        var table = ModuleTable()
        let before = table.modules.count
        #expect(before > 3)
        let isDropped = table.dropUnloaded()
        #expect(!isDropped && table.modules.count == before)
    }
}
