// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

extension Accounting {
    @Suite("Under a mixed load", .serialized, .timeLimit(.minutes(30)))
    struct LoadTests {
        /// How many jobs; the environment can ask for as many as 10,000,000.
        static let jobs = getenv("ACCOUNTING_JOBS").flatMap { Int(String(cString: $0)) } ?? 300_000

        @Test("every job is counted once when it is enqueued and once when it runs")
        func countsEveryJob() async throws {
            let child = try await ChildProcess.host(
                "accounting-host",
                ["load", "\(Self.jobs)", "exact"],
                seconds: 1500
            )
            try #require(child.status == 0, "\(child.status): \(child.output)")
            print(child.output)
            var enqueued = 0
            for line in child.lines where line.hasPrefix("lane ") {
                let numbers = line.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
                try #require(numbers.count == 3, "\(line)")
                #expect(numbers[0] == numbers[1], "enqueued and started: \(line)")
                #expect(numbers[2] == 0, "at rest: \(line)")
                enqueued += numbers[0]
            }
            #expect(enqueued >= Self.jobs)
            for lane in ["medium", "high", "utility", "background", "main"] {
                #expect(try child.numbers("lane \(lane)")[0] > 0, "the load must reach every lane")
            }
            let unstamped = try child.numbers("unstamped")
            // Only timers, of which each sleep has one, if it was not cancelled before.
            #expect(unstamped[0] > 0)
            #expect(unstamped[0] <= unstamped[1], "unstamped and sleeps: \(unstamped)")
            #expect(unstamped[2] == 0, "every thread had a slot")
            let jobs = try child.numbers("jobs")
            #expect(jobs[0] == enqueued)
            // Kinds are counted where jobs run, of those too that were not seen to be enqueued.
            #expect(jobs.dropFirst().reduce(0, +) == enqueued + unstamped[0])
            #expect(try child.numbers("slots")[0] < 256)
            let resident = try child.numbers("resident")
            #expect(resident[1] - resident[0] < 256 << 20, "memory: \(resident)")
            try expectAllRan(child)
        }

        @Test("nothing is lost while watches are started and stopped")
        func losesNothingInCycles() async throws {
            let child = try await ChildProcess.host(
                "accounting-host",
                ["load", "\(Self.jobs)", "cycles"],
                seconds: 1500
            )
            try #require(child.status == 0, "\(child.status): \(child.output)")
            #expect(try child.numbers("cycles")[0] >= 2)
            try expectAllRan(child)
        }

        private func expectAllRan(_ child: ChildProcess) throws {
            for kind in ["bodies", "calls"] {
                let numbers = try child.numbers(kind)
                #expect(numbers[0] > 0)
                #expect(numbers[0] == numbers[1], "\(kind) that were made and that ran: \(numbers)")
            }
        }
    }
}
