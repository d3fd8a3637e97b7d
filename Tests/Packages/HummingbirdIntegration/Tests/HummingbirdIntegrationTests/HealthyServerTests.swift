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
        static let seconds = getenv("LOOPWATCH_LOAD_SECONDS").flatMap { Int(String(cString: $0)) } ?? 60
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
            // What the watchdog itself slept through is labelled as the machine's doing, and is allowed to be.
            print("\(answers.value) requests in \(Self.seconds) s; reports: \(log.text)")
            #expect(answers.value > 100 * Self.seconds, "the load was no load")
            #expect(log.blamed.isEmpty, "\(log.text)")
        }
    }
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
