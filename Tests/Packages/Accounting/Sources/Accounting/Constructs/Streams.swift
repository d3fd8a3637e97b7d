// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

private enum Wrong: Error {
    case late
}

/// Streams and continuations, resumed by anybody.
func observeStreams(_ observations: Observations) {
    let consumed = HarnessThread.pool { () -> String in
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        let sum = Task {
            var sum = 0
            for await value in stream { sum += value }
            return sum
        }
        for value in 0..<200 {
            continuation.yield(value)
            if value % 7 == 0 { await Task.yield() }
        }
        continuation.finish()
        let (own, foreign) = AsyncStream<Int>.makeStream()
        HarnessThread.start {
            for value in 0..<200 { foreign.yield(value) }
            foreign.finish()
        }
        var inOrder = true
        var next = 0
        for await value in own {
            inOrder = inOrder && value == next
            next += 1
        }
        return "\(await sum.value) \(next) \(inOrder)"
    }
    observations.same("streams", consumed)

    let buffers = HarnessThread.pool { () -> String in
        let (newest, first) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(2))
        let (oldest, second) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingOldest(2))
        var results: [String] = []
        for value in 0..<4 {
            results.append("\(first.yield(value))")
            results.append("\(second.yield(value))")
        }
        first.finish()
        second.finish()
        var values: [Int] = []
        for await value in newest { values.append(value) }
        for await value in oldest { values.append(value) }
        return "\(values) \(results)"
    }
    observations.same("buffers of streams", buffers)

    let ends = HarnessThread.pool { () -> String in
        let trace = Trace()
        let task = Task {
            let stream = AsyncStream<Int> { continuation in
                continuation.onTermination = { trace.note("\($0)") }
                continuation.yield(1)
            }
            for await value in stream { trace.note("\(value)") }
            trace.note("end")
        }
        while trace.count == 0 { await Task.yield() }
        task.cancel()
        await task.value
        let thrown = AsyncThrowingStream<Int, any Error> { continuation in
            continuation.yield(2)
            continuation.finish(throwing: Wrong.late)
        }
        do { for try await value in thrown { trace.note("\(value)") } } catch { trace.note("\(error)") }
        let unfolded = AsyncStream(unfolding: { trace.count < 8 ? trace.count : nil })
        for await value in unfolded { trace.note("u\(value)") }
        return trace.text
    }
    observations.same("ends of streams", ends)

    let queue = DispatchQueue(label: "resumes")
    let concurrent = DispatchQueue(label: "resumes at once", attributes: .concurrent)
    let total = Shared(0)
    let resumed = HarnessThread.pool { () -> String in
        var sum = 0
        for value in 0..<50 {
            sum += await withCheckedContinuation { continuation in
                HarnessThread.start { continuation.resume(returning: value) }
            }
            // Without a value: ThreadSanitizer does not see how the runtime hands it over here, whoever watches.
            for queue in [queue, concurrent] {
                await withUnsafeContinuation { continuation in
                    queue.async {
                        total.withLock { $0 += value }
                        continuation.resume()
                    }
                }
            }
            sum += await withCheckedContinuation { $0.resume(returning: value) }
        }
        var errors = 0
        for _ in 0..<20 {
            do {
                try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                    HarnessThread.start { continuation.resume(throwing: Wrong.late) }
                }
            } catch { errors += 1 }
            do {
                try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                    DispatchQueue.global().async { continuation.resume(throwing: Wrong.late) }
                }
            } catch { errors += 1 }
        }
        return "\(sum + total.withLock { $0 }) \(errors)"
    }
    observations.same("continuations", resumed)

    let all = Shared<[CheckedContinuation<Int, Never>]>([])
    let together = HarnessThread.pool { () -> Int in
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                group.addTask { await withCheckedContinuation { one in all.withLock { $0.append(one) } } }
            }
            HarnessThread.start {
                _ = eventually(within: 60) { all.withLock { $0.count } == 200 }
                for (index, one) in all.withLock({ $0 }).enumerated() { one.resume(returning: index) }
            }
            return await group.reduce(0, +)
        }
    }
    observations.same("200 continuations resumed by one thread", together)
}
