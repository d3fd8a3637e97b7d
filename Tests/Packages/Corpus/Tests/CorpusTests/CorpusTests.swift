// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Corpus
import Glibc
import Testing

@Suite("The corpus of blocking programs", .serialized, .timeLimit(.minutes(4)))
struct CorpusTests {
    @Test("names the code to blame, its callers and the cause of every case, and disturbs none")
    func everyCase() async throws {
        #expect(CorpusCase.all.count >= 24)
        let verdicts = try await HarnessThread.run {
            Result {
                let run = try CorpusRun()
                defer { run.stop() }
                return CorpusCase.all.map { run.verdict(on: $0) }
            }
        }.get()
        print(VerdictTable.text(of: verdicts))
        let possible = verdicts.filter { $0.notPossible == nil }
        #expect(possible.count >= 24, "the machine must allow most of them")
        for verdict in possible {
            let text = VerdictTable.text(of: [verdict], showsFrames: true)
            #expect(verdict.isBlameRight, "the frame to blame: \(text)")
            #expect(verdict.isStackRight, "the frames: \(text)")
            #expect(verdict.problems.isEmpty, "\(text)")
        }
        let right = possible.count { $0.isCauseRight }
        #expect(right * 100 >= possible.count * 95, "causes: \(VerdictTable.text(of: possible))")
        // The first one finds the names of a whole program unread; a busy machine may be late for a few more.
        let told = possible.count { $0.isToldInTime }
        #expect(told * 100 >= possible.count * 80, "told too late: \(VerdictTable.text(of: possible))")
    }

    @Test("has cases that need a process of their own", arguments: SpecialHosts.names)
    func specialHost(name: String) async throws {
        let program = try Self.program()
        let verdict = await HarnessThread.run { SpecialHosts.verdict(on: name, program: program) }
        let text = VerdictTable.text(of: [verdict], showsFrames: true)
        if let reason = verdict.notPossible {
            // Told, and not skipped: another machine proves it.
            print("NOT POSSIBLE HERE: \(name): \(reason)")
            return
        }
        print(text)
        #expect(verdict.isRight, "\(text)")
    }

    @Test("a sleep of 300 ms lasts 300 ms, however often the thread is looked at")
    func looksDoNotShorten() async throws {
        let result = try await HarnessThread.run { Result { try ManyCaptures.run() } }.get()
        print(result.text)
        #expect(result.captures >= ManyCaptures.wanted, "\(result.text)")
        #expect(result.failure == nil, "\(result.text)")
        #expect(result.milliseconds >= 300, "\(result.text)")
        // What a busy machine adds is far less than what a restarted sleep would: another 300 ms.
        #expect(result.milliseconds < 550, "\(result.text)")
    }

    /// The executable `corpus`, which is built beside the tests.
    private static func program() throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
        }
        try #require(count > 0)
        let folder = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "/").dropLast()
        return "/" + folder.joined(separator: "/") + "/corpus"
    }
}
