// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@TaskLocal private var local = "none"

private enum Wrong: Error {
    case reason(Int)
}

private func text<Value, Failure>(_ result: Result<Value, Failure>) -> String {
    switch result {
    case .success(let value): "\(value)"
    case .failure(let error): "\(error)"
    }
}

private func after(_ yields: Int, _ value: Int) async -> Int {
    for _ in 0..<yields { await Task.yield() }
    return value
}

/// Tasks by themselves: locals, names, immediate ones, results, children.
func observeTasks(_ observations: Observations) {
    let locals = HarnessThread.pool { () -> String in
        await $local.withValue("outer") {
            var parts = [local]
            await Task.yield()
            parts.append(local)
            async let child = local
            parts.append(await child)
            parts.append(await Task { local }.value)
            parts.append(await Task.detached { local }.value)
            parts.append(await MainActor.run { local })
            await $local.withValue("inner") {
                try? await Task.sleep(for: .milliseconds(1))
                parts.append(local)
                let children = await withTaskGroup(of: String.self) { group in
                    for _ in 0..<3 { group.addTask { local } }
                    return await group.reduce(into: [String]()) { $0.append($1) }
                }
                parts += children
                parts.append(await Task.immediate { local }.value)
            }
            parts.append(local)
            return parts.joined(separator: " ")
        }
    }
    observations.same("task-local values", locals)

    let names = HarnessThread.pool { () -> String in
        var parts: [String?] = [Task.name]
        parts.append(
            await Task.detached(name: "detached") {
                await Task.yield()
                return Task.name
            }.value
        )
        parts.append(
            await Task(name: "a name that is a good deal longer than what anybody keeps of it") { Task.name }.value
        )
        parts.append(await Task(name: "outer") { await Task { Task.name }.value }.value)
        parts.append(
            await withTaskGroup(of: String?.self) { group in
                group.addTask(name: "child") {
                    await withTaskCancellationHandler {
                        Task.name
                    } onCancel: {
                    }
                }
                return await group.next()!
            }
        )
        parts.append(await Task.immediate(name: "immediate") { Task.name }.value)
        return parts.map { $0 ?? "nil" }.joined(separator: ", ")
    }
    observations.same("names of tasks", names)

    let immediate = Trace()
    Pool.inOrder {
        immediate.note("before")
        let task = Task.immediate {
            immediate.note("at once")
            await Task.yield()
            immediate.note("later")
        }
        immediate.note("after")
        await task.value
        let main = Task.immediateDetached { @MainActor in immediate.note("main") }
        await main.value
    }
    observations.same("an immediate task", immediate.text)

    let results = HarnessThread.pool { () -> String in
        let thrown = Task<Int, any Error> {
            await Task.yield()
            throw Wrong.reason(7)
        }
        let result = await thrown.result
        let value = await Task { await after(3, 42) }.value
        let typed = await Task { () throws(Wrong) -> Int in throw .reason(8) }.result
        return "\(text(result)) \(value) \(text(typed))"
    }
    observations.same("results", results)

    let lets = HarnessThread.pool { () -> String in
        async let first = after(3, 1)
        async let second = after(1, 2)
        async let third = after(0, 3)
        let values = await [first, second, third]
        async let unused = after(2, 4)
        _ = await third
        return "\(values) \(await unused)"
    }
    observations.same("async let", lets)

    let letOrder = Trace()
    Pool.inOrder {
        async let first: Void = letOrder.note("first")
        async let second: Void = letOrder.note("second")
        letOrder.note("parent")
        _ = await (second, first)
        letOrder.note("end")
    }
    observations.same("order of async let", letOrder.text)

    let depth = HarnessThread.pool { () -> Int in
        @Sendable func nest(_ depth: Int) async -> Int {
            depth == 0 ? 0 : await Task { await nest(depth - 1) }.value + 1
        }
        return await nest(500)
    }
    observations.same("tasks in tasks", depth)
}

/// Groups of all kinds.
func observeGroups(_ observations: Observations) {
    let order = Trace()
    Pool.inOrder {
        await withTaskGroup(of: Int.self) { group in
            for number in 0..<12 {
                group.addTask {
                    order.note("\(number)")
                    if number % 3 == 0 { await Task.yield() }
                    return number
                }
            }
            for await value in group { order.note("=\(value)") }
        }
    }
    observations.same("order of a group", order.text)

    let throwing = HarnessThread.pool { () -> String in
        do {
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { throw Wrong.reason(1) }
                for _ in 0..<8 {
                    group.addTask {
                        try await {
                            try await Task.sleep(for: .seconds(100)); return 0
                        }()
                    }
                }
                for try await _ in group {}
            }
            return "returned"
        } catch {
            return "\(error)"
        }
    }
    observations.same("a group that throws", throwing)

    let discarded = Shared(0)
    let discarding = HarnessThread.pool { () -> String in
        await withDiscardingTaskGroup { group in
            for _ in 0..<200 {
                group.addTask {
                    await Task.yield()
                    discarded.withLock { $0 += 1 }
                }
            }
        }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        do { try await Task.sleep(for: .seconds(100)) } catch { discarded.withLock { $0 += 1 } }
                    }
                }
                group.addTask { throw Wrong.reason(2) }
            }
            return "returned"
        } catch {
            return "\(error)"
        }
    }
    observations.same("discarding groups", "\(discarding), \(discarded.withLock { $0 })")

    let nested = HarnessThread.pool { () -> Int in
        @Sendable func tree(_ depth: Int) async -> Int {
            guard depth > 0 else { return 1 }
            return await withTaskGroup(of: Int.self) { group in
                for _ in 0..<3 { group.addTask { await tree(depth - 1) } }
                return await group.reduce(0, +)
            }
        }
        return await tree(6)
    }
    observations.same("groups in groups", nested)

    let priorities = HarnessThread.pool { () -> String in
        await withTaskGroup(of: String.self) { group in
            for priority: TaskPriority in [.high, .low, .background] {
                group.addTask(priority: priority) { "\(Task.basePriority!.rawValue)" }
            }
            return await group.reduce(into: [String]()) { $0.append($1) }.sorted().joined(separator: " ")
        }
    }
    observations.same("priorities in a group", priorities)
}
