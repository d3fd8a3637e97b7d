// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Loopwatch
import LoopwatchCore
import LoopwatchHTTP
import Testing

extension Live {
    @Suite("How long the metrics get")
    struct AnswerSizeTests {
        @Test("those of as many targets as may be registered, with the longest names, fit into an answer")
        func mostTargets() throws {
            let queue = DispatchQueue(label: "queue", attributes: .concurrent)
            let name = String(repeating: "n", count: Limits.targetNameBytes - 1)
            try withWatch({
                $0.processName = String(repeating: "p", count: Limits.processNameBytes)
                $0.watchesGlobalExecutor = true
            }) { watch, _ in
                func bytesMore(_ add: (String) -> Void) -> Int {
                    // The first of a kind brings the descriptions of its families.
                    add("0")
                    let before = watch.metrics().utf8
                    add("1")
                    let after = watch.metrics().utf8
                    let lines = after.count { $0 == 0x0A } - before.count { $0 == 0x0A }
                    // Numbers get longer, and OpenMetrics has exemplars.
                    return after.count - before.count + lines * 48
                }
                let loop = bytesMore { end in watch.add(.loop(name + end) { queue.async(execute: $0) }) }
                let pool = bytesMore { end in _ = watch.meter(name + end, size: 1) }
                #expect(loop > 10_000 && pool > 10_000)
                let most = loop * Limits.loopsMaximum + pool * Limits.poolsMaximum
                #expect(most < HTTPLimits.standard.answerBytes, "\(loop) bytes a loop, \(pool) a pool")
            }
        }

        @Test("a thousand loops are scraped")
        func thousandLoops() throws {
            let queue = DispatchQueue(label: "queue", attributes: .concurrent)
            try withWatch({
                $0.endpoint = .free
                $0.loopsLimit = 1_000
                $0.resolution = .seconds(1)
                $0.thresholds = Thresholds(warning: .seconds(3_600), error: .seconds(3_601), critical: .seconds(3_602))
            }) { watch, _ in
                for number in 0..<1_000 { watch.add(.loop("loop-\(number)") { queue.async(execute: $0) }) }
                let response = try TestClient.get("/metrics", try #require(watch.endpointAddress))
                #expect(response.status == 200, "\(response.body.prefix(200))")
                #expect(response.body.contains(#"loopwatch_loop_blocked{process="tests",loop="loop-999"} 0"#))
            }
        }
    }
}
