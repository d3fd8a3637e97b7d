// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchTestSupport
import Testing

@testable import LoopwatchHTTP

@Suite("How a request is split on its way")
struct HTTPSplitTests {
    @Test("every split of every request of the table gives the same verdict at the same byte")
    func everySplit() {
        for (text, _) in HTTPRequestDecisionTests.table + HTTPRequestDecisionTests.corpus {
            let bytes = Array(text.utf8)
            let whole = Decision([bytes[...]])
            for place in bytes.indices {
                #expect(Decision([bytes[..<place], bytes[place...]]) == whole, "\(text.debugDescription) at \(place)")
            }
            #expect(Decision(bytes.indices.map { bytes[$0...$0] }) == whole, "\(text.debugDescription) byte by byte")
        }
    }

    @Test("damaged requests get the same verdict however they are split", arguments: 1...40)
    func damaged(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            var bytes = Array((HTTPRequestDecisionTests.table.randomElement(using: &generator)?.0 ?? "").utf8)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let place = Int.random(in: 0...bytes.count, using: &generator)
                let alphabet: [UInt8] = [0, 9, 10, 13, 32, 37, 44, 47, 58, 63, 64, 127, 128, 255, 65, 48]
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
                case 1 where place < bytes.count: bytes.remove(at: place)
                default:
                    if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
                }
            }
            let whole = Decision([bytes[...]])
            var pieces: [ArraySlice<UInt8>] = []
            var start = 0
            while start < bytes.count {
                let end = Int.random(in: start...bytes.count, using: &generator)
                pieces.append(bytes[start..<end])
                start = end
            }
            #expect(Decision(pieces) == whole, "seed \(seed), bytes \(bytes)")
            // A verdict, once given, holds for every longer input; before it, more is needed.
            for length in 0..<bytes.count {
                let prefix = Decision([bytes[..<length]])
                let expected = length < whole.consumed || whole.status == 0 ? 0 : whole.status
                #expect(prefix.status == expected, "seed \(seed), \(length) of \(bytes)")
            }
        }
    }
}
