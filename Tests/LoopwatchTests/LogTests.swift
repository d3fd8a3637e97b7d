// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

@testable import Loopwatch

extension Live {
    @Suite("The log")
    struct LogTests {
        @Test("a file gets one line a report, behind what is in it")
        func file() throws {
            try withLog { path, log in
                for number in 1...3 { log.write(.sample(number)) }
                try eventually("three lines") { TestFiles.lines(path).count == 3 }
                let second = try LogWriter(destinations: [.file(path: path)])
                try second.start()
                second.write(.sample(4))
                second.stop()
                let lines = TestFiles.lines(path)
                #expect(lines.count == 4)
                #expect(lines.last?.contains("loop blocked for 100ms target=one state=ended cause=cpu stall=4") == true)
                var status = stat()
                #expect(stat(path, &status) == 0)
                #expect(status.st_mode & 0o7 == 0, "not for everybody's eyes")
            }
        }

        @Test("a file that was renamed or removed is made anew")
        func rotation() throws {
            try withLog { path, log in
                log.write(.sample(1))
                try eventually("a line") { TestFiles.lines(path).count == 1 }
                rename(path, path + ".1")
                log.write(.sample(2))
                try eventually("a line in the new file") { TestFiles.lines(path).count == 1 }
                #expect(TestFiles.lines(path + ".1").count == 1)
                unlink(path)
                log.reopen()
                try eventually("the file, without anything to write") { access(path, F_OK) == 0 }
                log.write(.sample(3))
                try eventually("a line in the newest file") { TestFiles.lines(path).count == 1 }
                #expect(log.isHealthy)
            }
        }

        @Test("a path that cannot be opened is told once, and served as soon as it can")
        func unopenable() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try TestFiles.withFolder { folder in
                        let errors = "\(folder)/errors"
                        let path = "\(folder)/missing/log"
                        try redirectStandardError(to: errors)
                        try withLoops([.poll]) { loops in
                            let recorder = ReportRecorder()
                            try withWatch(stacks: .off, { $0.log = [.file(path: path), recorder.destination] }) {
                                watch,
                                _ in
                                watch.add(loops[0].target("one"))
                                try watch.waitUntilAnswered(["one"])
                                try checkStall(of: "one", by: Hold(.sleeping), watch, recorder) { loops[0].execute($0) }
                                #expect(TestFiles.lines(errors).count == 1, "\(TestFiles.text(errors))")
                                #expect(TestFiles.text(errors).contains("open \(path): No such file or directory"))
                                #expect(watch.metric(#"loopwatch_component_up{component="log"}"#) == 0)
                                let dropped = watch.metric(#"loopwatch_events_dropped_total{reason="log_write"}"#)
                                #expect(dropped == Double(recorder.all.count))
                                mkdir("\(folder)/missing", 0o700)
                                watch.reopenLogs()
                                try eventually("the log is up") {
                                    watch.metric(#"loopwatch_component_up{component="log"}"#) == 1
                                }
                                try checkStall(of: "one", by: Hold(.sleeping), watch, recorder) { loops[0].execute($0) }
                                #expect(TestFiles.lines(path).count >= 2)
                                #expect(TestFiles.lines(errors).count == 1)
                            }
                        }
                        unlink(path)
                        rmdir("\(folder)/missing")
                    }
                }
            }
        }

        @Test("a full disk and a pipe that nobody reads lose lines, which are counted, and nothing else")
        func lossy() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try TestFiles.withFolder { folder in
                        try redirectStandardError(to: "\(folder)/errors")
                        let fifo = "\(folder)/fifo"
                        mkfifo(fifo, 0o600)
                        for path in ["/dev/full", fifo] {
                            let recorder = ReportRecorder()
                            let log = try LogWriter(destinations: [.file(path: path), recorder.destination])
                            try log.start()
                            for number in 1...20 { log.write(.sample(number)) }
                            try eventually("what \(path) lost") { log.dropped.writeFailed == 20 }
                            #expect(recorder.all.count == 20)
                            #expect(!log.isHealthy)
                            log.stop()
                        }
                        // A reader that goes away.
                        let reader = open(fifo, O_RDONLY | O_NONBLOCK)
                        let log = try LogWriter(destinations: [.file(path: fifo)])
                        try log.start()
                        log.write(.sample(1))
                        var bytes = [UInt8](repeating: 0, count: 4_096)
                        try eventually("a line in the pipe") { read(reader, &bytes, bytes.count) > 0 }
                        close(reader)
                        log.write(.sample(2))
                        try eventually("what the pipe lost") { log.dropped.writeFailed == 1 }
                        log.stop()
                    }
                }
            }
        }

        @Test("a line that a full disk cuts off is counted as lost, and the next one does not run into it")
        func cutOff() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try TestFiles.withFolder { folder in
                        try redirectStandardError(to: "\(folder)/errors")
                        let path = "\(folder)/log"
                        let log = try LogWriter(destinations: [.file(path: path)])
                        try log.start()
                        log.write(.sample(1))
                        try eventually("a line") { TestFiles.lines(path).count == 1 }
                        let whole = TestFiles.text(path).utf8.count
                        var limit = rlimit(rlim_cur: UInt(whole) + 20, rlim_max: .max)
                        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
                        log.write(.sample(2))
                        try eventually("a lost line") { log.dropped.writeFailed == 1 }
                        #expect(TestFiles.text(path).utf8.count == whole + 20)
                        log.write(.sample(3))
                        try eventually("another") { log.dropped.writeFailed == 2 }
                        #expect(!log.isHealthy)
                        limit.rlim_cur = .max
                        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
                        log.write(.sample(4))
                        log.write(.sample(5))
                        try eventually("whole lines") { TestFiles.lines(path).count >= 4 }
                        let lines = TestFiles.lines(path)
                        #expect(lines.map(\.utf8.count) == [whole - 1, 20, whole - 1, whole - 1], "\(lines)")
                        #expect(lines[2].hasSuffix("stall=4") && lines[3].hasSuffix("stall=5"), "\(lines)")
                        #expect(log.isHealthy)
                        log.stop()
                    }
                }
            }
        }

        @Test("a closed standard error does not kill the host, with and without a log")
        func closedStandardError() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    signal(SIGPIPE, SIG_DFL)
                    let errors = dup(2)
                    defer {
                        dup2(errors, 2)
                        close(errors)
                    }
                    var ends: [CInt] = [-1, -1]
                    #expect(pipe(&ends) == 0)
                    dup2(ends[1], 2)
                    close(ends[0])
                    close(ends[1])
                    for log in [[], [LogDestination.standardError]] {
                        try withWatch(stacks: .off, { $0.log = log }) { watch, _ in
                            #expect(watch.add(.loop("") { _ in }).problem != nil)
                            #expect(watch.add(.loop("") { _ in }).problem != nil)
                        }
                    }
                }
            }
        }

        @Test("a closure that blocks holds up neither detection nor the bounded queue, and stop() leaves it behind")
        func slowClosure() throws {
            let gate = Hold(.sleeping)
            defer { gate.release() }
            let calls = Atomic(0)
            let log = try LogWriter(destinations: [
                .closure { _, _ in
                    calls.add(1, ordering: .relaxed)
                    gate.run()
                }
            ])
            try log.start()
            log.write(.sample(1))
            try eventually("the closure blocks") { gate.hasBegun }
            for number in 2...(Limits.warningsQueuedForLog + 101) { log.write(.sample(number)) }
            #expect(log.dropped.queueFull == 100)
            let began = Clock.now()
            log.stop()
            #expect(Clock.now().nanoseconds(since: began) < 20_000_000_000)
            #expect(!gate.hasEnded)
            gate.release()
            try eventually("what was queued behind it is dropped") {
                log.dropped.writeFailed == UInt64(Limits.warningsQueuedForLog)
            }
            #expect(calls.load(ordering: .relaxed) == 1)
        }

        @Test("while a closure blocks, blocks are found and counted all the same")
        func detectionGoesOn() throws {
            let gate = Hold(.sleeping)
            defer { gate.release() }
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off, { $0.log = [.closure { _, _ in gate.run() }] }) { watch, _ in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    for number in 1...2 {
                        let hold = Hold(.sleeping)
                        defer { hold.release() }
                        loops[0].execute { hold.run() }
                        try watch.waitUntilTold("one", "block \(number)")
                        hold.release()
                        // On a loaded machine the loop may have been late once more, for lack of a CPU.
                        try eventually("block \(number) is counted") {
                            try watch.statistics(of: "one").stallDuration.count >= number
                        }
                    }
                    gate.release()
                }
            }
        }

        @Test("lines of several watches in one file never run into one another")
        func oneWriteEach() throws {
            try TestFiles.withFolder { folder in
                let path = "\(folder)/log"
                let logs = try (0..<4).map { _ in try LogWriter(destinations: [.file(path: path)]) }
                for log in logs { try log.start() }
                for number in 1...250 { for log in logs { log.write(.sample(number)) } }
                try eventually("all lines are written") { TestFiles.lines(path).count == 1_000 }
                for log in logs { log.stop() }
                let lines = TestFiles.lines(path)
                let shape = /\S+Z WARN loop blocked for 100ms target=one state=ended cause=cpu stall=\d+/
                #expect(lines.allSatisfy { $0.wholeMatch(of: shape) != nil })
            }
        }

        private func withLog(_ body: (String, LogWriter) throws -> Void) throws {
            try TestFiles.withFolder { folder in
                let log = try LogWriter(destinations: [.file(path: "\(folder)/log")])
                try log.start()
                defer { log.stop() }
                try body("\(folder)/log", log)
            }
        }
    }
}

extension StallReport {
    /// A report with a number.
    static func sample(_ number: Int) -> StallReport {
        StallReport(
            sequence: UInt64(number),
            stall: UInt64(number),
            state: .ended,
            kind: .stall,
            subject: .loop,
            target: "one",
            severity: .warning,
            durationNanoseconds: 100_000_000,
            beganUnixNanoseconds: 0,
            unixNanoseconds: 1_000_000_000,
            cause: .cpu
        )
    }
}
