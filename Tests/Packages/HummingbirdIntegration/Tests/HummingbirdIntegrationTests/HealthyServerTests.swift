// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("A healthy server")
    struct HealthyServerTests {
        /// How long the load lasts; a minute unless the environment says otherwise.
        static let seconds = getenv("INTEGRATION_LOAD_SECONDS").flatMap { Int(String(cString: $0)) } ?? 60
        /// Threads that send requests, and the connections that each keeps open.
        static let clients = (threads: 4, connections: 4)

        @Test("reports nothing under load at the finest resolution")
        func reportsNothing() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            var configuration = log.configuration()
            configuration.resolution = .milliseconds(1)
            let answers = Counter()
            try await IntegrationServer.withRunning(configuration: configuration, monitor: monitor) { server in
                server.watch.add(.globalExecutor())
                let end = SuspendingClock.now + .seconds(Self.seconds)
                try await withThrowingTaskGroup(of: Void.self) { clients in
                    for _ in 0..<Self.clients.threads {
                        clients.addTask {
                            try await onOwnThread { try sendRequests(to: server.port, until: end, answers: answers) }
                        }
                    }
                    try await clients.waitForAll()
                }
            }
            // What is labelled as the machine's doing is allowed: that nothing ran, or that a loop was ready and not run.
            let wrong = log.blamed.filter { $0.report.state == .ended && $0.report.cause != .runqueue }
            print("\(answers.value) requests in \(Self.seconds) s; reports: \(log.text)")
            #expect(answers.value > 100 * Self.seconds, "the load was no load")
            #expect(wrong.isEmpty, "\(log.text)")
        }

        @Test("whose loops wait is not woken, and costs next to nothing")
        func isLeftAlone() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            let seconds = 3.0
            let used = try await IntegrationServer.withRunning(configuration: log.configuration(), monitor: monitor) {
                server in
                try await onOwnThread {
                    for _ in server.loops { _ = try HTTPConnection(port: server.port).get("/healthy") }
                    // A few beats teach the watch in which call each loop waits.
                    usleep(1_500_000)
                    let before = server.watch.metrics()
                    let start = processSeconds()
                    usleep(UInt32(seconds * 1e6))
                    let used = processSeconds() - start
                    let after = server.watch.metrics()
                    for loop in server.loops {
                        let labels = ["loop=\"\(loop)\""]
                        func gain(_ name: String) throws -> Double {
                            try #require(sample(name, labels, in: after)) - #require(sample(name, labels, in: before))
                        }
                        let probes = try gain("loopwatch_loop_probes_total")
                        let checks = try gain("loopwatch_loop_park_checks_total")
                        print("\(loop), idle for \(seconds) s: \(probes) probes, \(checks) park checks")
                        #expect(probes == 0)
                        #expect(checks > 5 * seconds)
                    }
                    return used
                }
            }
            print("an idle server with its watch: \(used / seconds * 100) % of a core")
            #expect(used / seconds < 0.02)
            #expect(log.blamed.isEmpty, "\(log.text)")
        }
    }
}

/// CPU time of this process, in seconds.
private func processSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Asks for `/healthy` over each of its connections in turn, each time waiting for the answer, until it is time to end.
private func sendRequests(to port: Int, until end: SuspendingClock.Instant, answers: Counter) throws {
    let connections = try (0..<Integration.HealthyServerTests.clients.connections).map { _ in
        try HTTPConnection(port: port)
    }
    while SuspendingClock.now < end {
        for connection in connections { try connection.send("/healthy") }
        for connection in connections {
            let answer = try connection.receive()
            guard answer.status == 200, answer.body == "ok" else {
                throw HTTPConnection.Failure(description: "answered: \(answer)")
            }
            answers.increment()
        }
    }
}
