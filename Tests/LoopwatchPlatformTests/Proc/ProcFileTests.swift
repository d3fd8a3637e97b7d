// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

/// Files that are read again and again.
@Suite("Proc file")
struct ProcFileTests {
    @Test("a file that does not exist is not opened")
    func missing() {
        #expect(ProcFile(path: "/proc/self/no-such-file") == nil)
        #expect(ProcFile(path: "") == nil)
    }

    @Test("each read begins at the beginning, and is cut at what was asked for")
    func again() throws {
        let file = try #require(ProcFile(path: "/proc/self/stat"))
        let whole = file.bytes(atMost: 4_096)
        #expect(whole.count > 50 && ProcessStatistics(stat: whole) != nil)
        #expect(file.bytes(atMost: 4) == Array(whole.prefix(4)))
        #expect(file.bytes(atMost: 0).isEmpty)
        let again = try #require(ProcessStatistics(stat: file.bytes(atMost: 4_096)))
        #expect(again.startTicks == ProcessStatistics(stat: whole)?.startTicks && again.threads >= 1)
    }

    @Test("a directory reads as nothing")
    func directory() throws {
        #expect(try #require(ProcFile(path: "/proc")).bytes(atMost: 16).isEmpty)
    }
}
