// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// The pool of the process, as the constructs use it.
enum Pool {
    /// How many jobs of one priority run at once: one for each logical processor.
    static let width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Runs the body while all threads but one of the default priority are held, so that jobs of that priority run one
    /// after another, in an order that can be compared.
    static func withOneThread<Result>(_ body: () -> Result) -> Result {
        let arrived = Gate()
        let release = Gate()
        let left = Gate()
        for _ in 1..<width {
            Task.detached(priority: .medium) {
                arrived.open()
                release.pass()
                left.open()
            }
        }
        for _ in 1..<width { arrived.pass() }
        let result = body()
        release.open(width - 1)
        for _ in 1..<width { left.pass() }
        return result
    }

    /// Runs an asynchronous body while jobs of the default priority run one after another.
    static func inOrder<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) -> Result {
        withOneThread { HarnessThread.pool(priority: .medium, body) }
    }
}
