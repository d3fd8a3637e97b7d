// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Learning in which call a loop waits for work.
@Suite("Park recognizer")
struct ParkRecognizerTests {
    private var recognizer = ParkRecognizer()
    private let wait = WaitSignature(number: 232, firstArgument: 5, stackPointer: 0)

    private func sleep(_ number: UInt64) -> WaitSignature {
        WaitSignature(number: 202, firstArgument: number, stackPointer: 4_096)
    }

    private mutating func prove(_ signature: WaitSignature, times: Int = ParkRecognizer.proofsNeeded) {
        for _ in 0..<times {
            recognizer.beatPosted(whileIn: signature)
            recognizer.beatAnswered(afterNanoseconds: 50_000, bySameThread: true)
        }
    }

    @Test("a call is believed after as many proofs as are needed, and not after fewer")
    mutating func proofs() {
        prove(wait, times: ParkRecognizer.proofsNeeded - 1)
        #expect(!recognizer.isPark(wait))
        prove(wait, times: 1)
        #expect(recognizer.isPark(wait))
        #expect(!recognizer.isPark(sleep(1)))
    }

    @Test("an answer that came late, from another thread, or to no sleep at all proves nothing")
    mutating func noProof() {
        for _ in 0..<10 {
            recognizer.beatPosted(whileIn: wait)
            recognizer.beatAnswered(afterNanoseconds: ParkRecognizer.promptNanoseconds + 1, bySameThread: true)
            recognizer.beatPosted(whileIn: wait)
            recognizer.beatAnswered(afterNanoseconds: 1, bySameThread: false)
            recognizer.beatPosted(whileIn: nil)
            recognizer.beatAnswered(afterNanoseconds: 1, bySameThread: true)
            // Without a beat there is nothing to answer.
            recognizer.beatAnswered(afterNanoseconds: 1, bySameThread: true)
        }
        #expect(!recognizer.isPark(wait))
        prove(wait, times: ParkRecognizer.proofsNeeded - 1)
        recognizer.beatPosted(whileIn: wait)
        recognizer.beatAnswered(afterNanoseconds: ParkRecognizer.promptNanoseconds, bySameThread: true)
        #expect(recognizer.isPark(wait))
    }

    @Test("a call that a beat did not end is never believed again, however often beats are answered from it")
    mutating func refuted() {
        prove(wait)
        recognizer.sleptThroughBeat(in: wait)
        #expect(!recognizer.isPark(wait))
        prove(wait, times: 10)
        #expect(!recognizer.isPark(wait))
    }

    @Test("the beat that was slept through is no proof when it is answered after all")
    mutating func answeredAfterAll() {
        prove(wait, times: ParkRecognizer.proofsNeeded - 1)
        recognizer.beatPosted(whileIn: wait)
        recognizer.sleptThroughBeat(in: wait)
        recognizer.beatAnswered(afterNanoseconds: 1, bySameThread: true)
        #expect(!recognizer.isPark(wait))
    }

    @Test("another thread has to be learned anew")
    mutating func threadChanged() {
        prove(wait)
        recognizer.beatPosted(whileIn: wait)
        recognizer.threadChanged()
        recognizer.beatAnswered(afterNanoseconds: 1, bySameThread: true)
        #expect(!recognizer.isPark(wait))
        prove(wait, times: ParkRecognizer.proofsNeeded - 1)
        #expect(!recognizer.isPark(wait))
    }

    @Test("a loop that has slept in a thousand ways is still learned, and what was learned is kept")
    mutating func bound() {
        for number in UInt64(0)..<1_000 { recognizer.sleptThroughBeat(in: sleep(number)) }
        prove(wait)
        #expect(recognizer.isPark(wait))
        for number in UInt64(0)..<1_000 {
            recognizer.sleptThroughBeat(in: sleep(number))
            prove(sleep(number + 1_000_000), times: 1)
        }
        #expect(recognizer.isPark(wait))
        // No more than the bound are ever believed.
        for number in 0..<UInt64(100) { prove(sleep(number + 2_000_000)) }
        let believed = (0..<UInt64(100)).count { recognizer.isPark(sleep($0 + 2_000_000)) }
        #expect(believed == Limits.parkSignatures - 1)
    }
}
