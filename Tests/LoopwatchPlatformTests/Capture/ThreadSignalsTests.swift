// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Testing

/// Reading which signals a thread blocks.
@Suite("Thread signals")
struct ThreadSignalsTests {
    private func read(_ text: String) -> ThreadSignals? { ThreadSignals(status: Array(text.utf8)) }

    @Test("bit 0 is signal 1")
    func bits() throws {
        let text =
            "Name:\tx\nSigQ:\t0/1\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000000000\nSigBlk:\t8000000004000000\n"
        let signals = try #require(read(text))
        #expect(signals.awaits(1) && !signals.awaits(2))
        #expect(signals.blocks(SIGPROF) && signals.blocks(64) && !signals.blocks(SIGTERM))
        for signal in [CInt.min, -1, 0, 65, .max] { #expect(!signals.blocks(signal) && !signals.awaits(signal)) }
    }

    @Test("what has another shape tells nothing")
    func garbage() {
        for text in [
            "", "\n", "SigBlk:", "SigBlk:\t0\n", "SigPnd:\t0\nSigBlk:\tx\n", "SigPnd:\t0\nSigBlk:\t11112222333344445\n",
        ] { #expect(read(text) == nil) }
        #expect(ThreadSignals(of: 0x3fff_fffe) == nil)
    }

    @Test("those of a real thread are read")
    func live() throws {
        let thread = try TestThread.parked()
        defer { thread.stop() }
        let signals = try #require(ThreadSignals(of: thread.identifier))
        #expect(signals.blocks(SIGPROF) && !signals.awaits(SIGPROF))
    }
}
