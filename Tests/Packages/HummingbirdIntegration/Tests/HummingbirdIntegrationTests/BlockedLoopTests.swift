// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("A blocked event loop")
    struct BlockedLoopTests {
        @Test(
            "is reported while it is blocked, once it is over with the true duration, and no other loop is",
            // NIO gives its loops to connections in turn, so that the second connection has another loop than the first.
            arguments: [("/block-sleep", 0), ("/block-cpu", 1), ("/block-read", 1)]
        )
        func isReported(path: String, connection: Int) async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            let truth = try await IntegrationServer.withRunning(configuration: log.configuration(), monitor: monitor) {
                server in
                #expect(server.loops == ["http-0", "http-1"])
                return try await onOwnThread {
                    try server.waitUntilAnswered()
                    let connections = try [0, 1].map { _ in try HTTPConnection(port: server.port) }
                    for connection in connections { #expect(try connection.get("/healthy").body == "ok") }
                    let answer = try connections[connection].get(path)
                    let truth = try #require(BlockRecord(text: answer.body), "answered: \(answer)")
                    #expect(server.loops.contains(truth.target))
                    try log.wait("the end of the block of \(truth.target)") {
                        $0.target == truth.target && $0.state == .ended
                    }
                    return truth
                }
            }

            // The server and its watch have ended: what follows is all that was ever reported.
            let entries = log.blamed
            #expect(entries.allSatisfy { $0.report.target == truth.target }, "\(log.text)")
            #expect(entries.allSatisfy { $0.report.kind == .stall && $0.report.subject == .loop }, "\(log.text)")
            #expect(Set(entries.map(\.report.stall)).count == 1, "one block, one identity: \(log.text)")

            let begun = entries.filter { $0.report.state == .begun }
            #expect(begun.count == 1, "\(log.text)")
            #expect(begun.first?.whileBlocked == true, "reported while it was blocked: \(log.text)")
            #expect(begun.first?.line.contains("loop blocked for ") == true)
            #expect(begun.first?.line.contains("target=\(truth.target)") == true)
            // At two, four and eight times the threshold; a starved machine may leave one out, never all.
            #expect(entries.contains { $0.report.state == .ongoing && $0.whileBlocked }, "\(log.text)")

            let ended = entries.filter { $0.report.state == .ended }
            #expect(ended.count == 1, "\(log.text)")
            let report = try #require(ended.first?.report)
            expectDuration(of: report, toBe: truth, log: log)
            switch report.cause {
            case .cpu, .runqueue: #expect(path == "/block-cpu", "\(log.text)")
            case .syscall: #expect(path != "/block-cpu", "\(log.text)")
            default: Issue.record("an unexpected cause: \(log.text)")
            }
        }

        @Test("shows in the metrics over HTTP while it is blocked")
        func showsWhileBlocked() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            try await IntegrationServer.withRunning(configuration: log.configuration(), monitor: monitor) { server in
                try await onOwnThread {
                    guard case .tcp(_, let endpointPort)? = server.watch.endpointAddress else {
                        Issue.record("no endpoint")
                        return
                    }
                    try server.waitUntilAnswered()
                    let client = try HTTPConnection(port: server.port)
                    let scraper = try HTTPConnection(port: Int(endpointPort))
                    let before = try scraper.get("/metrics")
                    #expect(before.status == 200)

                    try client.send("/block-sleep")
                    let begun = try log.wait("the report of a block") { $0.state == .begun && $0.subject == .loop }
                    let name = begun.report.target
                    let during = try scraper.get("/metrics").body
                    let age = sample("loopwatch_loop_block_age_seconds", ["loop=\"\(name)\""], in: during)
                    #expect(monitor.isBlocked(name), "the block was over before the scrape")
                    #expect(sample("loopwatch_loop_blocked", ["loop=\"\(name)\""], in: during) == 1)
                    #expect((age ?? 0) >= 0.1)
                    let other = try #require(server.loops.first { $0 != name })
                    #expect(sample("loopwatch_loop_blocked", ["loop=\"\(other)\""], in: during) == 0)

                    let truth = try #require(BlockRecord(text: client.receive().body))
                    try log.wait("the end of the block") { $0.state == .ended && $0.target == name }
                    // The host's own /metrics says the same as the endpoint: counted now, and blocked no more.
                    for after in [try scraper.get("/metrics").body, try client.get("/metrics").body] {
                        let seconds = sample("loopwatch_loop_blocked_seconds_total", ["loop=\"\(name)\""], in: after)
                        #expect(sample("loopwatch_loop_blocked", ["loop=\"\(name)\""], in: after) == 0)
                        #expect(abs((seconds ?? 0) - Double(truth.nanoseconds) / 1e9) < 0.25)
                        #expect(blocks(of: name, in: after) == 1)
                        #expect(blocks(of: other, in: after) == 0)
                    }
                }
            }
        }
    }
}

/// Finished blocks of a loop, of every severity.
private func blocks(of loop: String, in text: String) -> Double {
    ["warning", "error", "critical"].reduce(0) { sum, severity in
        sum + (sample("loopwatch_loop_blocks_total", ["loop=\"\(loop)\"", "severity=\"\(severity)\""], in: text) ?? 0)
    }
}

/// Expects a finished report to have the duration that the blocking code measured.
///
/// Time in which the whole process stood still is in the truth and not in the report. Otherwise the report can be off by
/// what the machine takes to run the loop again; 150 ms is generous on a machine that runs other things as well.
func expectDuration(of report: StallReport, toBe truth: BlockRecord, log: ReportLog) {
    let slack: Int64 = 150_000_000
    #expect(report.durationNanoseconds >= truth.nanoseconds - report.interruptedNanoseconds - slack, "\(log.text)")
    #expect(report.durationNanoseconds <= truth.nanoseconds + slack, "\(log.text)")
}
