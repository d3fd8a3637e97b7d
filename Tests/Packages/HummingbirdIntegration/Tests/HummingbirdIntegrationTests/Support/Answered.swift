// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import HummingbirdIntegration
import Loopwatch

extension IntegrationServer {
    /// Waits until each loop has answered a beat, by which the watch knows its thread, and so why it is blocked.
    ///
    /// - Throws: ``DeadlineError``.
    func waitUntilAnswered() throws {
        for loop in loops {
            _ = try eventually("an answer of \(loop)", instead: { watch.metrics() }) {
                let answers = sample("loopwatch_loop_lag_seconds_count", ["loop=\"\(loop)\""], in: watch.metrics())
                return answers ?? 0 > 0 ? true : nil
            }
        }
    }
}
