// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// A priority of Swift's global executor besides the default one, each of which has a queue of its own on Linux.
struct ExecutorPriority: Sendable, Equatable {
    /// The priority.
    let priority: TaskPriority
    /// Name of the target that watches it.
    let target: String
    /// Name of the threads that serve it: the last 15 bytes of the label of Dispatch's root queue (libdispatch,
    /// `_dispatch_worker_thread`).
    let threadName: String

    /// All of them.
    static let all = [
        ExecutorPriority(priority: .high, target: "swift-high", threadName: "r-initiated-qos"),
        ExecutorPriority(priority: .utility, target: "swift-utility", threadName: "oot.utility-qos"),
        ExecutorPriority(priority: .background, target: "swift-background", threadName: ".background-qos"),
    ]
}

/// Finds out which priorities of the global executor the process uses, by the threads that Dispatch made for them.
///
/// A beat at a priority that nobody uses would make threads that the process does not need; so one is posted only where
/// there are such threads already.
struct ExecutorPriorities {
    private var unseen = ExecutorPriority.all
    private var lastLook: MonotonicInstant?

    /// Time between looks, in nanoseconds; threads of Dispatch live for at least 5 s.
    private static let nanosecondsBetweenLooks: Int64 = 4_000_000_000
    /// Threads whose names are read at one look.
    private static let threadsMost = 512

    /// The priorities that are in use and were not before.
    mutating func newlyUsed(now: MonotonicInstant) -> [ExecutorPriority] {
        if let lastLook, now.nanoseconds(since: lastLook) < Self.nanosecondsBetweenLooks { return [] }
        lastLook = now
        guard !unseen.isEmpty else { return [] }
        let names = Self.threadNames()
        let used = unseen.filter { names.contains($0.threadName) }
        unseen.removeAll(where: used.contains)
        return used
    }

    private static func threadNames() -> Set<String> {
        guard let folder = opendir("/proc/self/task") else { return [] }
        defer { closedir(folder) }
        var names: Set<String> = []
        var count = 0
        while count < threadsMost, let entry = readdir(folder) {
            let thread = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard thread.first != ".", let file = ProcFile(path: "/proc/self/task/\(thread)/comm") else { continue }
            names.insert(String(decoding: file.bytes(atMost: 32).prefix { $0 != 10 }, as: UTF8.self))
            count += 1
        }
        return names
    }
}
