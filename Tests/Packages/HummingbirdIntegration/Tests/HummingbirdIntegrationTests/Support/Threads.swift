// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs a piece of a test on a thread of its own, so that it goes on while Swift's pool and every loop are blocked.
///
/// It stays part of the test's task, so that what it expects is reported as the test's.
///
/// - Throws: what the body throws.
func onOwnThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withTaskExecutorPreference(ThreadPerJobExecutor()) { try body() }
}

/// Starts a thread for each job that it is given.
private final class ThreadPerJobExecutor: TaskExecutor {
    /// Runs a job on a new thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let reference = Unmanaged.passRetained(Start(job: UnownedJob(job), executor: self))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                start.job.runSynchronously(on: start.executor.asUnownedTaskExecutor())
                return nil
            },
            reference.toOpaque()
        )
        precondition(code == 0, "no thread for a test: pthread_create returned \(code)")
        pthread_detach(thread)
    }
}

/// What a new thread is told.
private final class Start: Sendable {
    let job: UnownedJob
    let executor: ThreadPerJobExecutor

    init(job: UnownedJob, executor: ThreadPerJobExecutor) {
        self.job = job
        self.executor = executor
    }
}

/// Names of the threads of this process that are Loopwatch's own: they begin with `lw-`.
func loopwatchThreads() -> [String] {
    guard let directory = opendir("/proc/self/task") else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let identifier = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // A thread that ended meanwhile has no file any more.
        guard let file = fopen("/proc/self/task/\(identifier)/comm", "r") else { continue }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = fread(&buffer, 1, buffer.count, file)
        let name = String(decoding: buffer.prefix(count).prefix { $0 != 10 }, as: UTF8.self)
        if name.hasPrefix("lw-") { names.append(name) }
    }
    return names.sorted()
}
