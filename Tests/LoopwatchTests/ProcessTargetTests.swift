// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// What belongs to the whole process is blocked in a process of its own.
extension Live {
    @Suite("The main queue, the main actor and Swift's global executor")
    struct ProcessTargetTests {
        @Test("the main queue and the main actor are reported when the main thread is blocked, and not before they ran")
        func mainThread() async {
            await #expect(processExitsWith: .success) {
                await onThread {
                    try withWatch { watch, recorder in
                        watch.add(.mainQueue())
                        watch.add(.mainActor())
                        try watch.waitUntilAnswered(["main", "main-actor"])
                        try checkShortJobs(on: "main", count: 20, watch, recorder) {
                            DispatchQueue.main.async(execute: $0)
                        }
                        for way in [Hold.Way.sleeping, .computing] {
                            let hold = Hold(way)
                            let before = recorder.all.last?.sequence ?? 0
                            defer { hold.release() }
                            DispatchQueue.main.async { hold.run() }
                            for name in ["main", "main-actor"] {
                                try recorder.wait(for: "the begun report of \(name)") {
                                    $0.sequence > before && $0.target == name && $0.state == .begun
                                }
                            }
                            #expect(!hold.hasEnded)
                            hold.release()
                            for name in ["main", "main-actor"] {
                                let ended = try recorder.wait(for: "the ended report of \(name)") {
                                    $0.sequence > before && $0.target == name && $0.state == .ended
                                        && hold.causes.contains($0.cause.text)
                                }
                                let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                                #expect(told > hold.nanoseconds - 180_000_000, "\(told), \(hold.nanoseconds)")
                            }
                        }
                        try watch.settle()
                        #expect(recorder.reports.count { $0.state == .begun } == 4, "\(recorder.lines)")
                        #expect(recorder.reports.count { $0.state == .ended } == 4, "\(recorder.lines)")
                    }
                }
            }
        }

        @Test("the global executor is reported when all of its threads are held, and answers while one is free")
        func globalExecutor() async {
            await #expect(processExitsWith: .success) {
                await onThread {
                    try withWatch({ $0.watchesGlobalExecutor = true }) { watch, recorder in
                        try watch.waitUntilAnswered(["swift"])
                        try checkShortJobs(on: "swift", watch, recorder) { job in Task.detached { job() } }
                        try watch.settle(rounds: 8)
                        #expect(recorder.reports.isEmpty, "\(recorder.lines)")
                        let others = (1..<max(2, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))).map { _ in
                            Hold(.sleeping)
                        }
                        defer { for other in others { other.release() } }
                        try checkStall(of: "swift", by: Hold(.sleeping), causes: ["starvation"], watch, recorder) {
                            job in
                            Task.detached { job() }
                            for other in others { Task.detached { other.run() } }
                            // Without a job that waits the threads are held, and the pool is not blocked.
                            Task.detached {}
                            _ = try? recorder.wait(for: "the begun report") { $0.target == "swift" }
                            for other in others { other.release() }
                        }
                    }
                }
            }
        }
    }
}
