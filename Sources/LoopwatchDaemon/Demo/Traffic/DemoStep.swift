// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One thing that the demo does to its server: what it says beforehand, and the requests.
struct DemoStep: Sendable, Equatable {
    /// One request to one of the loops.
    struct Request: Sendable, Equatable {
        /// Index of the loop.
        var loop: Int
        /// What is asked for.
        var path: String
        /// Whether the large body goes with it.
        var hasBody = false
    }

    /// What is about to be done, and to which target.
    var announcement: String
    /// What is sent, one after another; each is answered before the next is sent.
    var requests: [Request]

    /// All steps, each of another kind.
    ///
    /// - Parameters:
    ///   - lengths: how long the blocks last.
    ///   - drainsGlobalExecutor: whether Swift's global executor is to be blocked as well.
    static func all(lengths: BlockLengths, drainsGlobalExecutor: Bool) -> [DemoStep] {
        func milliseconds(_ nanoseconds: Int64) -> String { "\(nanoseconds / 1_000_000)ms" }
        var steps = [
            DemoStep(
                announcement: "a handler on http-0 sleeps for \(milliseconds(lengths.sleep))",
                requests: [Request(loop: 0, path: "/sleep")]
            ),
            DemoStep(
                announcement: "a handler on http-1 waits for a lock that another thread holds for "
                    + milliseconds(lengths.lock),
                requests: [Request(loop: 0, path: "/stock/compare"), Request(loop: 1, path: "/stock/reserve")]
            ),
            DemoStep(
                announcement: "a handler on http-0 parses a large JSON body",
                requests: [Request(loop: 0, path: "/orders", hasBody: true)]
            ),
            DemoStep(
                announcement: "a handler on http-1 flushes a file to the disk",
                requests: [Request(loop: 1, path: "/journal")]
            ),
            DemoStep(
                announcement: "every thread of the pool workers waits for a slow database for "
                    + milliseconds(lengths.pool),
                requests: [Request(loop: 0, path: "/pool/drain")]
            ),
        ]
        if drainsGlobalExecutor {
            steps.append(
                DemoStep(
                    announcement: "a task holds one thread of Swift's global executor for "
                        + milliseconds(lengths.executor),
                    requests: [Request(loop: 1, path: "/executor/hold")]
                )
            )
            steps.append(
                DemoStep(
                    announcement: "tasks hold every thread of Swift's global executor for "
                        + milliseconds(lengths.executor),
                    requests: [Request(loop: 1, path: "/executor/drain")]
                )
            )
            steps.append(
                DemoStep(
                    announcement: "tasks on every thread of Swift's global executor wait for a semaphore that only a "
                        + "task would signal which gets no thread; a thread outside ends that after "
                        + milliseconds(lengths.executor),
                    requests: [Request(loop: 1, path: "/executor/deadlock")]
                )
            )
        }
        return steps
    }
}
