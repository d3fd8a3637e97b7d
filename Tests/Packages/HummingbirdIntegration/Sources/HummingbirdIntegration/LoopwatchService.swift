// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import ServiceLifecycle

/// Loopwatch in a service group: one line of work, made of what both sides offer.
///
/// ``Loopwatch/run()`` ends when its task is cancelled. A service group that shuts down gracefully does not cancel: it
/// asks, waits for the answer for as long as it takes, and only then asks the next service. So the request is turned
/// into a cancellation here. (`extension Loopwatch: @retroactive Service {}` compiles as well, and is right for a group
/// that only ever ends by cancellation, such as one with a `maximumGracefulShutdownDuration`.)
struct LoopwatchService: Service {
    /// What is run.
    let watch: Loopwatch

    /// Runs until the group ends, by a graceful shutdown or by cancellation.
    func run() async throws {
        try await cancelWhenGracefulShutdown { try await watch.run() }
    }
}
