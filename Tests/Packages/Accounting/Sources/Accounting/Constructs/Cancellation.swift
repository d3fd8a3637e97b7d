// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

private func outcome(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return "returned"
    } catch {
        return "\(error)"
    }
}

/// What cancelled tasks see.
func observeCancellation(_ observations: Observations) {
    let trace = Trace()
    Pool.inOrder {
        let task = Task {
            await withTaskCancellationHandler {
                trace.note("begin")
                while !Task.isCancelled { await Task.yield() }
                trace.note("cancelled")
            } onCancel: {
                trace.note("handler")
            }
            trace.note(await outcome { try Task.checkCancellation() })
        }
        await Task.yield()
        task.cancel()
        trace.note("cancel returned")
        await task.value
    }
    observations.same("a handler of cancellation", trace.text)

    let before = Pool.inOrder {
        let ran = Trace()
        let task = Task {
            ran.note("\(Task.isCancelled)")
            await withTaskCancellationHandler {
                ran.note("body")
            } onCancel: {
                ran.note("handler")
            }
        }
        task.cancel()
        await task.value
        return ran.text
    }
    observations.same("a task that is cancelled before it begins", before)

    let began = ContinuousClock.now
    let sleeps = HarnessThread.pool { () -> String in
        let forms: [@Sendable () async throws -> Void] = [
            { try await Task.sleep(nanoseconds: 100_000_000_000) },
            { try await Task.sleep(for: .seconds(100)) },
            { try await Task.sleep(for: .seconds(100), tolerance: .seconds(1), clock: .suspending) },
            { try await Task.sleep(until: .now + .seconds(100), clock: .continuous) },
        ]
        var texts: [String] = []
        for form in forms {
            let task = Task { await outcome { try await form() } }
            try? await Task.sleep(for: .milliseconds(5))
            task.cancel()
            texts.append(await task.value)
        }
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            return await outcome { try await Task.sleep(for: .seconds(100)) }
        }
        early.cancel()
        texts.append(await early.value)
        return texts.joined(separator: ", ")
    }
    observations.same("cancelled sleeps", sleeps)
    observations.within("seconds of cancelled sleeps", (ContinuousClock.now - began) / .seconds(1), 0...20)

    let groups = HarnessThread.pool { () -> String in
        await withTaskGroup(of: String.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let text = await outcome { try await Task.sleep(for: .seconds(100)) }
                    return "\(number) \(text)"
                }
            }
            group.cancelAll()
            let isAdded = group.addTaskUnlessCancelled { "added" }
            group.addTask { "late \(Task.isCancelled)" }
            var texts: [String] = []
            for await text in group { texts.append(text) }
            return texts.sorted().joined(separator: ", ") + ", added \(isAdded), \(group.isCancelled)"
        }
    }
    observations.same("a cancelled group", groups)

    let lets = HarnessThread.pool { () -> String in
        let seen = Shared("nothing")
        do {
            async let _: Void = {
                let text = await outcome { try await Task.sleep(for: .seconds(100)) }
                seen.withLock { $0 = text }
            }()
            await Task.yield()
        }
        return seen.withLock { $0 }
    }
    observations.same("an async let that is left", lets)
    let parents = HarnessThread.pool { () -> String in
        let parent = Task {
            async let child = outcome { try await Task.sleep(for: .seconds(100)) }
            async let flag = Task.isCancelled
            return "\(await child) \(await outcome { try Task.checkCancellation() }) \(await flag || true)"
        }
        await Task.yield()
        parent.cancel()
        return await parent.value
    }
    observations.same("children of a cancelled task", parents)
}
