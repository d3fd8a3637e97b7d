// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("One long job, and many short ones")
    struct LongAndShortJobsTests {
        /// How often each is tried; ten times unless the environment says otherwise.
        static let times = getenv("INTEGRATION_BLOCKS").flatMap { Int(String(cString: $0)) } ?? 10

        @Test(
            "a long job that computes is a stall each time, as a task and in channelRead",
            arguments: ["/churn", "/churn-read"]
        )
        func longJob(path: String) async throws {
            let log = ReportLog(monitor: BlockMonitor())
            let truths = try await records(of: path, toldAs: .stall, log: log)

            let entries = log.blamed
            #expect(entries.allSatisfy { $0.report.kind == .stall }, "\(log.text)")
            let ended = entries.map(\.report).filter { $0.state == .ended }
            #expect(ended.count == Self.times, "\(log.text)")
            // One may be told late: while the names of the server's code are read for the first time, which takes some
            // tenths of a second in a debug build.
            let early = entries.count { $0.report.state == .begun && $0.whileBlocked }
            #expect(early >= Self.times - 1, "\(log.text)")
            // On a machine that others use as well, the job may have waited for a CPU for as long as it had one.
            #expect(ended.allSatisfy { [.cpu, .runqueue, .unknown].contains($0.cause) }, "\(log.text)")
            for (report, truth) in zip(ended, truths) {
                #expect(report.target == truth.target)
                expectDuration(of: report, toBe: truth, log: log)
            }
            let errors = zip(ended, truths).map { report, truth in
                Double(report.durationNanoseconds + report.interruptedNanoseconds - truth.nanoseconds) / 1e6
            }
            let mean = errors.reduce(0, +) / Double(max(1, errors.count))
            let worst = errors.map(abs).max() ?? 0
            print("\(path): \(ended.count) stalls of \(truths.count) blocks; error: mean \(mean) ms, worst \(worst) ms")
        }

        @Test("many short jobs are congestion each time, and never a stall", arguments: ["/flood-sleep", "/flood-cpu"])
        func shortJobs(path: String) async throws {
            let log = ReportLog(monitor: BlockMonitor())
            let truths = try await records(of: path, toldAs: .congestion, log: log)

            // Where something else has the machine, one of the jobs may be held up for as long as a threshold: it is told as
            // a stall, and the flood took far longer than the others.
            let shortest = truths.map(\.nanoseconds).min() ?? 0
            let isHeldUp = truths.map { $0.nanoseconds > shortest * 3 / 2 }
            let stalls = log.blamed.filter { $0.report.kind == .stall }
            #expect(stalls.count { $0.report.state == .ended } <= isHeldUp.count { $0 }, "\(log.text)")
            let entries = log.blamed.filter { $0.report.kind != .stall }
            #expect(entries.allSatisfy { $0.report.kind == .congestion }, "\(log.text)")
            #expect(entries.allSatisfy { [.congestion, .runqueue].contains($0.report.cause) }, "\(log.text)")
            let ended = entries.map(\.report).filter { $0.state == .ended }
            #expect(ended.count == Self.times, "\(log.text)")
            for ((report, truth), isHeldUp) in zip(zip(ended, truths), isHeldUp) {
                #expect(report.target == truth.target)
                if !isHeldUp || stalls.isEmpty { expectDuration(of: report, toBe: truth, log: log) }
            }
            #expect(entries.allSatisfy { $0.line.contains("loop congested for ") }, "\(log.text)")
            print("\(path): \(ended.count) congestions of \(truths.count) floods, \(stalls.count) reports of a stall")
        }

        /// Has a server blocked again and again; returns how long it was each time.
        private func records(of path: String, toldAs kind: StallReport.Kind, log: ReportLog) async throws
            -> [BlockRecord]
        {
            var configuration = log.configuration()
            configuration.reportBurst = Limits.reportBurstMaximum
            return try await IntegrationServer.withRunning(configuration: configuration, monitor: log.monitor) {
                server in
                try await onOwnThread {
                    try server.waitUntilAnswered()
                    let connection = try HTTPConnection(port: server.port)
                    return try (1...Self.times).map { time in
                        let answer = try connection.get(path)
                        let record = try #require(BlockRecord(text: answer.body), "answered: \(answer)")
                        _ = try eventually("the end of block \(time)", instead: { log.text }) {
                            log.entries.filter { $0.report.state == .ended && $0.report.kind == kind }.count >= time
                                ? true : nil
                        }
                        return record
                    }
                }
            }
        }
    }
}
