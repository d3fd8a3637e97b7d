// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

/// Finding out where a Dispatch queue keeps its state, on words made by hand.
@Suite("Dispatch queue layout")
struct DispatchQueueLayoutTests {
    private var jobs: [[UInt64]]
    private var idle: [UInt64]
    private let threads: [ThreadIdentifier] = [101, 102, 101]

    /// A queue with its state in word 7 and its head in word 11; the rest never changes.
    init() {
        let rest = (0..<UInt64(DispatchQueueLayout.wordCount)).map { 0x7000_0000_0000 + $0 * 16 }
        jobs = threads.enumerated().map { number, thread in
            var words = rest
            words[7] = 0x0020_0000_0000_0000 | UInt64(thread)
            words[11] = [0x7f00_1000, 0x7f00_2000, 0][number]
            return words
        }
        idle = rest
        idle[7] = 0x001f_fe00_0000_0000
        idle[11] = 0
    }

    private var layout: DispatchQueueLayout? {
        DispatchQueueLayout(
            jobs: zip(jobs, threads).map { DispatchQueueLayout.Exposure(words: $0, thread: $1) },
            idle: idle
        )
    }

    @Test("the two words are found, and what stands around the thread's number does not matter")
    mutating func found() {
        #expect(layout?.stateOffset == 56 && layout?.headOffset == 88)
        jobs[1][7] |= 0x8000_0000_c000_0000
        #expect(layout?.stateOffset == 56)
    }

    @Test("a second word that could be the state is one too many")
    mutating func twoStates() {
        for job in jobs.indices { jobs[job][3] = UInt64(threads[job]) }
        idle[3] = 0
        #expect(layout == nil)
    }

    @Test("a second word that could be the head is one too many")
    mutating func twoHeads() {
        for (job, word) in [UInt64(1), 2, 0].enumerated() { jobs[job][3] = word }
        idle[3] = 0
        #expect(layout == nil)
    }

    @Test("no word that could be the state, or the head, is one too few")
    mutating func none() {
        var copy = self
        copy.jobs[1][7] = 0
        #expect(copy.layout == nil)
        copy = self
        copy.idle[7] |= 101
        #expect(copy.layout == nil)
        copy = self
        copy.jobs[1][11] = copy.jobs[0][11]
        #expect(copy.layout == nil)
        copy = self
        copy.jobs[2][11] = 1
        #expect(copy.layout == nil)
        copy = self
        copy.idle[11] = 1
        #expect(copy.layout == nil)
    }

    @Test("too few jobs or words are no experiment")
    mutating func incomplete() {
        var copy = self
        copy.jobs.removeLast()
        #expect(copy.layout == nil)
        copy = self
        copy.jobs[1].removeLast()
        #expect(copy.layout == nil)
        copy = self
        copy.idle.removeLast()
        #expect(copy.layout == nil)
    }

    @Test("the owner and the head of a queue are read from its words")
    func reading() throws {
        let layout = try #require(layout)
        for (words, owner, head) in [(jobs[0], 101, 0x7f00_1000), (jobs[1], 102, 0x7f00_2000), (idle, nil, 0)]
            as [([UInt64], ThreadIdentifier?, UInt64)]
        {
            words.withUnsafeBytes { bytes in
                let address = UInt(bitPattern: bytes.baseAddress)
                #expect(layout.owner(ofQueueAt: address) == owner)
                #expect(layout.head(ofQueueAt: address) == head)
            }
        }
    }

    @Test("a wrapper whose third word leads nowhere has no queue")
    func wrapper() {
        let nowhere: [UInt64] = [1, 2, 16, 4]
        nowhere.withUnsafeBytes { #expect(DispatchQueueLayout.address(ofWrapper: $0.baseAddress!) == nil) }
        idle.withUnsafeBytes { queue in
            let wrapper = [0, 0, UInt64(UInt(bitPattern: queue.baseAddress))]
            wrapper.withUnsafeBytes {
                let address = DispatchQueueLayout.address(ofWrapper: $0.baseAddress!)
                #expect(address == UInt(bitPattern: queue.baseAddress))
            }
        }
    }
}
