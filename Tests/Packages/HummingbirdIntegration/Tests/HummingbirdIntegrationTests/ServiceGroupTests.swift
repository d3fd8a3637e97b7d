// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("A service group")
    struct ServiceGroupTests {
        @Test("that shuts down gracefully ends Loopwatch, and no thread of it is left")
        func leavesNoThread() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            #expect(loopwatchThreads().isEmpty, "left over from before")
            try await IntegrationServer.withRunning(configuration: log.configuration(), monitor: monitor) { server in
                #expect(loopwatchThreads().contains("lw-watchdog"))
                let answer = try await onOwnThread { try HTTPConnection(port: server.port).get("/healthy").body }
                #expect(answer == "ok")
            }
            // A thread that was joined can stay in /proc for as long as the kernel takes to bury it.
            let left = try await onOwnThread {
                try eventually("no thread of Loopwatch", instead: { "\(loopwatchThreads())" }) {
                    loopwatchThreads().isEmpty ? true : nil
                }
            }
            #expect(left)
            #expect(log.blamed.isEmpty, "\(log.text)")
        }
    }
}
