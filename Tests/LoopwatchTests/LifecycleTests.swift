// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Live {
    @Suite("The life of a watch")
    struct LifecycleTests {
        @Test("stop() leaves no thread and no descriptor, also while the watch is still referred to")
        func leavesNothing() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try TestFiles.withFolder { folder in
                        try withLoops { loops in
                            let queue = DispatchQueue(label: "queue")
                            var kept: [(Loopwatch, [TargetRegistration])] = []
                            var before: [String] = []
                            for round in 0..<50 {
                                // The first round makes what the libraries keep for good.
                                if round == 1 { before = ProcessView.descriptors }
                                var configuration = WatchConfiguration.forTests
                                configuration.endpoint = .free
                                configuration.log = [.file(path: "\(folder)/log"), .standardError]
                                configuration.watchesGlobalExecutor = true
                                configuration.thresholds = Thresholds(warning: .milliseconds(20))
                                let watch = try Loopwatch.start(configuration)
                                let registrations = [
                                    watch.add(loops[0].target("one")), watch.add(loops[1].target("two")),
                                    watch.add(.queue("queue", queue)),
                                ]
                                try watch.waitUntilAnswered(["one", "two"])
                                if let address = watch.endpointAddress { _ = try TestClient.get("/", address) }
                                if round.isMultiple(of: 10) { registrations[0].remove() }
                                watch.stop()
                                kept.append((watch, registrations))
                            }
                            try eventually("no thread is left") { ProcessView.ownThreadNames.isEmpty }
                            // What is kept is kept, and yet holds nothing open.
                            // Only what is new counts: the process may close what was open for a moment at the time.
                            try eventually("no descriptor is left; new: \(ProcessView.descriptors(besides: before))") {
                                ProcessView.descriptors(besides: before).isEmpty
                            }
                            #expect(kept.count == 50)
                        }
                    }
                }
            }
        }

        @Test("a watch goes on when nothing refers to it any more")
        func goesOn() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let recorder = ReportRecorder()
                    var configuration = WatchConfiguration.forTests
                    configuration.log = [recorder.destination]
                    try Loopwatch.start(configuration).add(.loop("one") { _ in })
                    try recorder.wait(for: "the begun report") { $0.target == "one" && $0.state == .begun }
                }
            }
        }

        @Test("stop() may be called twice, from several threads, and while targets are blocked")
        func stopTwice() throws {
            try withLoops([.poll, .condition, .condition]) { loops in
                var configuration = WatchConfiguration.forTests
                configuration.endpoint = .free
                let watch = try Loopwatch.start(configuration)
                let registration = watch.add(loops[0].target("one"))
                try watch.waitUntilAnswered(["one"])
                let hold = Hold(.sleeping)
                defer { hold.release() }
                loops[0].execute { hold.run() }
                try eventually("the loop is blocked") {
                    try watch.statistics(of: "one").currentStallNanoseconds != nil
                }
                let stopped = Atomic(0)
                for loop in loops.dropFirst() {
                    loop.execute {
                        watch.stop()
                        stopped.add(1, ordering: .releasing)
                    }
                }
                watch.stop()
                try eventually("all have stopped it") { stopped.load(ordering: .acquiring) == 2 }
                watch.stop()
                #expect(!hold.hasEnded)
                registration.remove()
                #expect(watch.add(loops[0].target("two")).problem?.description.contains("has stopped") == true)
                #expect(watch.metrics().contains("loopwatch_build_info"))
                #expect(!watch.snapshot().process.isEmpty)
                watch.reopenLogs()
            }
        }

        @Test("a host's own closures may stop the watch", arguments: ["submit", "log"])
        func stopFromWithin(place: String) throws {
            try withLoops([.poll]) { loops in
                let holder = Mutex<Loopwatch?>(nil)
                let stopped = Atomic(false)
                @Sendable func stop() {
                    guard let watch = holder.withLock({ $0.take() }) else { return }
                    watch.stop()
                    stopped.store(true, ordering: .releasing)
                }
                var configuration = WatchConfiguration.forTests
                if place == "log" { configuration.log = [.closure { _, _ in stop() }] }
                let watch = try Loopwatch.start(configuration)
                holder.withLock { $0 = watch }
                if place == "submit" {
                    watch.add(.loop("one") { _ in stop() })
                } else {
                    watch.add(.loop("one") { _ in })
                }
                try eventually("the watch is stopped") { stopped.load(ordering: .acquiring) }
                #expect(loops.count == 1)
            }
        }

        @Test("run() goes on until its task is cancelled, and has stopped the watch then")
        func run() async {
            await #expect(processExitsWith: .success) {
                do {
                    let watch = try Loopwatch.start(.forTests)
                    let task = Task { try await watch.run() }
                    #expect(Set(ProcessView.ownThreadNames) == ["lw-names", "lw-reports", "lw-watchdog"])
                    task.cancel()
                    try await task.value
                    try eventually("no thread is left") { ProcessView.ownThreadNames.isEmpty }
                    // A task that is cancelled already does not wait either.
                    let second = try Loopwatch.start(.forTests)
                    let cancelled = Task {
                        withUnsafeCurrentTask { $0?.cancel() }
                        try await second.run()
                    }
                    try await cancelled.value
                    try eventually("no thread is left") { ProcessView.ownThreadNames.isEmpty }
                } catch {
                    Issue.record("\(error)")
                }
            }
        }

        @Test("a bad environment variable is an error that names it, its value and what is allowed")
        func environment() async {
            await #expect(processExitsWith: .success) {
                func error(_ name: String, _ value: String) -> String {
                    setenv(name, value, 1)
                    defer { unsetenv(name) }
                    do throws(ConfigurationError) {
                        try Loopwatch.start().stop()
                        return ""
                    } catch {
                        #expect(error.key == name)
                        #expect(error.value == value)
                        return error.description
                    }
                }
                setenv("LOOPWATCH_LISTEN", "off", 1)
                #expect(error("LOOPWATCH_THRESHOLD", "fast").contains("a duration from 5ms to 1d"))
                #expect(error("LOOPWATCH_TRESHOLD", "50ms").contains("LOOPWATCH_THRESHOLD"))
                #expect(error("LOOPWATCH_LISTEN", "0.0.0.0:9667").contains("LOOPWATCH_ALLOW_REMOTE"))
                setenv("LOOPWATCH_LISTEN", "off", 1)
                #expect(error("LOOPWATCH_LOG", "nowhere").contains("stderr, off, or the path"))
                #expect(error("LOOPWATCH_REPORT_BURST", "0").contains("a number from 1"))
                #expect(error("LOOPWATCH_THRESHOLD", "1d") == "", "what the variable allows")
                #expect(error("LOOPWATCH_THRESHOLD", "50ms") == "")
            }
        }

        @Test("a process that was stopped by a signal is said to have been suspended, and no loop is blamed")
        func suspended() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try withLoops { loops in
                        try withWatch { watch, recorder in
                            watch.add(loops[0].target("one"))
                            watch.add(loops[1].target("two"))
                            watch.add(.queue("queue", DispatchQueue(label: "queue")))
                            try watch.waitUntilAnswered(["one", "two"])
                            try runShell("kill -STOP \(getpid()); sleep 1.5; kill -CONT \(getpid())")
                            let told = try recorder.wait(for: "the interruption") { $0.cause == .suspended }
                            #expect(told.kind == .interruption)
                            #expect(told.subject == .process)
                            #expect(told.severity == nil)
                            #expect((1_000_000_000...20_000_000_000).contains(told.durationNanoseconds))
                            #expect(recorder.lines.contains { $0.contains("INFO process suspended for 1") })
                            try watch.settle()
                            #expect(recorder.reports.isEmpty, "\(recorder.lines)")
                            let process = watch.snapshot().process
                            let metric = #"loopwatch_interruptions_total{process="\#(process)",cause="suspended"}"#
                            #expect(watch.metric(metric) ?? 0 >= 1)
                            for loop in watch.snapshot().loops { #expect(loop.statistics.blockedNanoseconds == 0) }
                            // A block afterwards is the application's again.
                            try checkStall(of: "one", by: Hold(.sleeping), watch, recorder) { loops[0].execute($0) }
                        }
                    }
                }
            }
        }
    }
}

/// Has a shell run commands, and does not wait for it.
private func runShell(_ commands: String) throws {
    var process = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(commands), nil]
    defer { for argument in arguments { free(argument) } }
    let code = posix_spawn(&process, "/bin/sh", nil, nil, &arguments, environ)
    guard code == 0 else { throw SystemError(operation: "posix_spawn", code: code) }
}
