// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import Testing

extension Live {
    @Suite("The endpoint")
    struct EndpointTests {
        @Test("it answers while Swift's whole pool, the main thread and every loop are blocked")
        func answersWhileAllIsBlocked() async {
            await #expect(processExitsWith: .success) {
                await onThread {
                    try withLoops { loops in
                        try withWatch({
                            $0.endpoint = .free
                            $0.watchesGlobalExecutor = true
                        }) { watch, recorder in
                            let queue = DispatchQueue(label: "queue")
                            watch.add(loops[0].target("condition"))
                            watch.add(loops[1].target("poll"))
                            watch.add(.queue("queue", queue))
                            watch.add(.mainActor())
                            let names = ["condition", "poll", "queue", "main-actor", "swift"]
                            try watch.waitUntilAnswered(names)
                            let width = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
                            let holds = (0..<(width + 4)).map { _ in Hold(.sleeping) }
                            defer { for hold in holds { hold.release() } }
                            for hold in holds.prefix(width) { Task.detached { hold.run() } }
                            Task.detached {}
                            DispatchQueue.main.async { holds[width].run() }
                            loops[0].execute { holds[width + 1].run() }
                            loops[1].execute { holds[width + 2].run() }
                            queue.async { holds[width + 3].run() }
                            for name in names {
                                try recorder.wait(for: "the begun report of \(name)") {
                                    $0.target == name && $0.state == .begun && $0.kind == .stall
                                }
                            }
                            let address = try #require(watch.endpointAddress)
                            for path in ["/metrics", "/warnings", "/livez", "/readyz", "/", "/readyz?verbose"] {
                                let response = try TestClient.get(path, address)
                                #expect(response.status == 200, "\(path): \(response.body)")
                            }
                            let metrics = try TestClient.get("/metrics", address).body
                            for loop in ["condition", "poll", "queue", "main-actor"] {
                                #expect(
                                    metrics.contains(#"loopwatch_loop_blocked{process="tests",loop="\#(loop)"} 1"#),
                                    "\(metrics)"
                                )
                            }
                            #expect(metrics.contains(#"loopwatch_pool_blocked{process="tests",pool="swift"} 1"#))
                            #expect(holds.allSatisfy { !$0.hasEnded })
                        }
                    }
                }
            }
        }

        @Test("it listens on a Unix socket, whose file goes with the watch")
        func unixSocket() throws {
            try TestFiles.withFolder { folder in
                let path = "\(folder)/socket"
                try withWatch({ $0.endpoint = .unix(path: path) }) { watch, _ in
                    let live = try TestClient.get("/livez", .unix(path: path))
                    #expect(live.body == "ok\n")
                    #expect(watch.endpointAddress == .unix(path: path))
                }
                #expect(access(path, F_OK) != 0)
            }
        }

        @Test("unknown paths are 404 with a list, and unknown parameters of probes 400")
        func errors() throws {
            try withWatch({ $0.endpoint = .free }) { watch, _ in
                let address = try #require(watch.endpointAddress)
                let missing = try TestClient.get("/metrics/", address)
                #expect(missing.status == 404)
                #expect(missing.body.contains("/warnings"))
                let unknown = try TestClient.get("/livez?max=5", address)
                #expect(unknown.status == 400)
                let live = try TestClient.get("/livez?verbose", address)
                #expect(live.body.contains("[+]watchdog ok"))
            }
        }

        @Test("a port that is taken is told once, the watch goes on, and the metrics say so")
        func portTaken() throws {
            try withWatch({ $0.endpoint = .free }) { first, _ in
                let address = try #require(first.endpointAddress)
                try TestFiles.withFolder { folder in
                    let log = "\(folder)/log"
                    try withLoops([.poll]) { loops in
                        let recorder = ReportRecorder()
                        try withWatch({
                            $0.endpoint = address
                            $0.log = [.file(path: log), recorder.destination]
                        }) { watch, _ in
                            #expect(watch.endpointAddress == nil)
                            #expect(watch.metric(#"loopwatch_component_up{component="http"}"#) == 0)
                            #expect(watch.metric(#"loopwatch_component_up{component="watchdog"}"#) == 1)
                            watch.add(loops[0].target("one"))
                            try watch.waitUntilAnswered(["one"])
                            try checkStall(of: "one", by: Hold(.sleeping), watch, recorder) { loops[0].execute($0) }
                        }
                    }
                    let told = TestFiles.lines(log).filter { $0.contains("http is not started") }
                    #expect(told.count == 1, "\(TestFiles.text(log))")
                    #expect(told.first?.contains("\(address)") == true)
                }
            }
        }

        @Test("a port that is taken is told on standard error where the log is a closure or off")
        func portTakenWithoutLogFile() async {
            await #expect(processExitsWith: .success) {
                await onThread {
                    try TestFiles.withFolder { folder in
                        try redirectStandardError(to: "\(folder)/errors")
                        var configuration = WatchConfiguration.forTests
                        configuration.endpoint = .free
                        let first = try Loopwatch.start(configuration)
                        configuration.endpoint = first.endpointAddress
                        for log in [[], [LogDestination.closure { _, _ in }]] {
                            let before = TestFiles.lines("\(folder)/errors").count
                            configuration.log = log
                            let second = try Loopwatch.start(configuration)
                            #expect(second.add(.loop("") { _ in }).problem != nil)
                            second.stop()
                            let lines = TestFiles.lines("\(folder)/errors").dropFirst(before)
                            #expect(lines.count { $0.contains("http is not started") } == 1, "\(lines)")
                            #expect(lines.count { $0.contains("is not watched") } == 1, "\(lines)")
                        }
                        first.stop()
                    }
                }
            }
        }
    }
}
