// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

private let all: [(String, TaskPriority)] = [
    ("high", .high), ("medium", .medium), ("low", .low), ("utility", .utility), ("background", .background),
    ("userInitiated", .userInitiated), ("20", TaskPriority(rawValue: 20)),
]

private func seen() -> String {
    let unsafely = withUnsafeCurrentTask { $0.map { "\($0.priority.rawValue)" } ?? "no task" }
    return "\(Task.currentPriority.rawValue)/\(Task.basePriority.map { "\($0.rawValue)" } ?? "none")/\(unsafely)"
}

private actor Asked {
    func seenHere() -> String { seen() }
}

private func seenLater() async -> String {
    await Task.yield()
    return seen()
}

/// Which priorities tasks see themselves at.
func observePriorities(_ observations: Observations) {
    observations.same("priority outside of any task", Task.basePriority.map { "\($0.rawValue)" } ?? "none")
    let actor = Asked()
    for (name, priority) in all where priority.rawValue != 20 {
        let text = HarnessThread.pool(priority: priority) {
            var parts = [seen()]
            parts.append("yielded " + (await seenLater()))
            parts.append("actor " + (await actor.seenHere()))
            async let child = seenLater()
            parts.append("async let " + (await child))
            parts.append(
                "group "
                    + (await withTaskGroup(of: String.self) { group in
                        group.addTask { seen() }
                        return await group.next()!
                    })
            )
            parts.append("Task " + (await Task { seen() }.value))
            // The one that waits would raise it: it tells the base only.
            parts.append(
                "detached "
                    + (await Task.detached { Task.basePriority.map { "\($0.rawValue)" } ?? "none" }.value)
            )
            parts.append("immediate " + (await Task.immediate { seen() }.value))
            parts.append("main " + (await MainActor.run { seen() }))
            try? await Task.sleep(for: .milliseconds(1))
            parts.append("slept " + seen())
            return parts.joined(separator: ", ")
        }
        observations.same("priorities seen from \(name)", text)
    }
    for (name, priority) in all {
        let base = Shared("")
        let done = Gate()
        Task.detached(priority: priority) {
            base.withLock { $0 = seen() }
            done.open()
        }
        done.pass()
        observations.same("priority of a task that nobody awaits, \(name)", base.withLock { $0 })
    }
}

/// Whether a low task that a high one awaits is raised, and when handlers are told.
func observeEscalation(_ observations: Observations) {
    let started = Gate()
    let raised = Shared("not raised")
    let told = Trace()
    let low = Task.detached(priority: .low) {
        await withTaskPriorityEscalationHandler {
            // Not before: a handler is not told of what was raised before it was there.
            started.open()
            let end = ContinuousClock.now + .seconds(20)
            // The handler is told after the priority has changed, but not once this body has ended.
            while ContinuousClock.now < end, Task.currentPriority == .low || told.count == 0 {}
            raised.withLock { $0 = seen() }
        } onPriorityEscalated: { old, new in
            told.note("\(old.rawValue)->\(new.rawValue)")
        }
        return seen()
    }
    started.pass()
    let result = HarnessThread.pool(priority: .high) { await low.value }
    observations.same("a low task that a high one awaits, while it runs", raised.withLock { $0 })
    observations.same("the same, at its end", result)
    observations.same("the same, told to its handler", told.text)

    let waiting = Gate()
    let enqueued = Task.detached(priority: .background) {
        waiting.pass()
        return seen()
    }
    let high = Task.detached(priority: .high) { await enqueued.value }
    _ = eventually(within: 0.05) { false }
    waiting.open()
    let text = HarnessThread.pool { await high.value }
    observations.same("a background task that was raised before it goes on", text)

    let explicit = Gate()
    let ready = Gate()
    let escalated = Task.detached(priority: .low) {
        ready.open()
        explicit.pass()
        return seen()
    }
    ready.pass()
    escalated.escalatePriority(to: .high)
    explicit.open()
    observations.same(
        "a task that is raised by name",
        HarnessThread.pool(priority: .background) { await escalated.value }
    )
}
