// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc

/// How many tasks block at once, and who still gets a thread.
func observeWidth(_ observations: Observations) {
    observations.same("tasks that block at once, one priority", "\(blocked(at: [.medium]))")
    observations.same("tasks that block at once, high", "\(blocked(at: [.high]))")
    observations.same("tasks that block at once, background", "\(blocked(at: [.background]))")
    observations.same("tasks that block at once, three priorities", "\(blocked(at: [.high, .medium, .background]))")

    let release = Gate()
    let held = Gate()
    let left = Gate()
    for _ in 0..<Pool.width {
        Task.detached(priority: .medium) {
            held.open()
            release.pass()
            left.open()
        }
    }
    for _ in 0..<Pool.width { held.pass() }
    let behind = Shared(false)
    Task.detached(priority: .medium) {
        behind.withLock { $0 = true }
        left.open()
    }
    let began = ContinuousClock.now
    let high = Gate()
    Task.detached(priority: .high) { high.open() }
    observations.same("a high task starts while the default threads block", high.passes(within: 60))
    observations.within("seconds until it starts", (ContinuousClock.now - began) / .seconds(1), 0...5)
    observations.same("a default task starts while the default threads block", behind.withLock { $0 })
    let main = Gate()
    Task { @MainActor in main.open() }
    observations.same("the main actor runs while the default threads block", main.passes(within: 60))
    release.open(Pool.width)
    for _ in 0...Pool.width { left.pass() }

    // Computing in the background keeps nobody of a higher priority from a thread.
    let ends = Shared(false)
    for _ in 0..<2 * Pool.width {
        Task.detached(priority: .background) {
            while !ends.withLock({ $0 }) {}
            left.open()
        }
    }
    var worst = 0.0
    for _ in 0..<20 {
        let began = ContinuousClock.now
        HarnessThread.pool(priority: .high) {}
        worst = max(worst, (ContinuousClock.now - began) / .seconds(1))
    }
    ends.withLock { $0 = true }
    for _ in 0..<2 * Pool.width { left.pass() }
    observations.within("worst start of a high task behind computing in the background", worst, 0...5)
    observations.within("threads of the host", Double(threads().count), 3...64)
    for (name, priority) in [("high", TaskPriority.high), ("medium", .medium), ("background", .background)] {
        let text = HarnessThread.pool(priority: priority) { threadDescription() }
        observations.same("queue and thread of a task of \(name)", text)
    }
}

/// How many of many tasks at each priority block at the same time: as many as arrive, and no more within a while.
private func blocked(at priorities: [TaskPriority]) -> Int {
    let arrived = Shared(0)
    let release = Gate()
    let left = Gate()
    let each = 4 * Pool.width + 4
    for priority in priorities {
        for _ in 0..<each {
            Task.detached(priority: priority) {
                arrived.withLock { $0 += 1 }
                release.pass()
                left.open()
            }
        }
    }
    _ = eventually(within: 20) { arrived.withLock { $0 } >= Pool.width * priorities.count }
    // Time for more than may come, to come: the pool's monitor looks every second.
    _ = eventually(within: 1.5) { arrived.withLock { $0 } > Pool.width * priorities.count }
    let count = arrived.withLock { $0 }
    release.open(each * priorities.count)
    for _ in 0..<each * priorities.count { left.pass() }
    return count
}

/// The names of the threads of this process that are not Loopwatch's.
private func threads() -> [String] {
    guard let folder = opendir("/proc/self/task") else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let number = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard number.first != "." else { continue }
        let name = firstLine(of: "/proc/self/task/\(number)/comm")
        if !name.isEmpty, !name.hasPrefix("lw-") { names.append(name) }
    }
    return names
}

func firstLine(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 1024)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

@_silgen_name("dispatch_queue_get_label")
private func queueLabel(_ queue: UnsafeRawPointer?) -> UnsafePointer<CChar>

/// Queue, name and nice value of the calling thread.
private func threadDescription() -> String {
    let fields = firstLine(of: "/proc/thread-self/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let nice = fields.count > 16 ? fields[16] : "?"
    return "\(String(cString: queueLabel(nil))), \(firstLine(of: "/proc/thread-self/comm")), nice \(nice)"
}
