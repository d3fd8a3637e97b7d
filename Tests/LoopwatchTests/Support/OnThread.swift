// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization
import Testing

/// Runs the body of a child process on a thread of its own, so that neither the main thread nor the pool is held by it.
///
/// What it throws is recorded: thrown out of an exit test it would end the process by a trap that tells nothing.
func onThread(_ body: @escaping @Sendable () throws -> Void) async {
    let outcome = Mutex<Result<Void, any Error>?>(nil)
    do {
        let thread = try OwnThread(name: "test-body") {
            let result = Result { try body() }
            outcome.withLock { $0 = result }
        }
        let deadline = ContinuousClock.now + .seconds(120)
        while outcome.withLock({ $0 == nil }) {
            guard ContinuousClock.now < deadline else {
                throw NeverHappened(description: "the test's body never ended")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        thread.join()
        try outcome.withLock { $0 }?.get()
    } catch {
        Issue.record("\(error)")
    }
}

/// Runs the body of a child process where nothing else is to run; what it throws is recorded.
func recordingErrors(_ body: () throws -> Void) {
    do { try body() } catch { Issue.record("\(error)") }
}

/// The same, while nothing of the test itself runs in the pool: every job is the body's, and a body may hold every thread.
///
/// A body that hangs ends the child.
func onQuietThread(_ body: @escaping @Sendable () throws -> Void) async {
    alarm(120)
    await withCheckedContinuation { continuation in
        do {
            try OwnThread(name: "test-body") {
                recordingErrors(body)
                continuation.resume()
            }.detach()
        } catch {
            Issue.record("\(error)")
            continuation.resume()
        }
    }
}
