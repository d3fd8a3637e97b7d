// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore
internal import Synchronization

/// A loop or pool of another process: whoever watches that process tells what it finds, and the watch reports it.
///
/// Safe from any thread.
package final class RemoteTarget: Sendable {
    /// What is known of it now.
    package struct State: Sendable {
        /// Its counters.
        package var statistics: StallStatistics
        /// Cause of the block that goes on, if there is one.
        package var cause: Cause?
        /// Of a pool: its threads.
        package var threads: RemoteTargetSnapshot.RemoteThreads?
        /// Of a pool: threads that it may have, where that is known.
        package var size: Int?
        /// Of a pool: how much work waits for a thread, where that can be read.
        package var depth: Int?

        /// Creates a state.
        package init(
            statistics: StallStatistics = StallStatistics(),
            cause: Cause? = nil,
            threads: RemoteTargetSnapshot.RemoteThreads? = nil,
            size: Int? = nil,
            depth: Int? = nil
        ) {
            self.statistics = statistics
            self.cause = cause
            self.threads = threads
            self.size = size
            self.depth = depth
        }
    }

    /// The process.
    package let process: RemoteProcessName
    /// The target's name within its process.
    package let name: String
    /// Loop or pool.
    package let subject: StallReport.Subject
    /// What was found, and on what evidence it is watched.
    package let summary: String
    private let storage: Mutex<State>

    /// Creates a target.
    ///
    /// - Parameters:
    ///   - process: the process.
    ///   - name: what to call it: unique among the loops, or the pools, of the process.
    ///   - subject: loop or pool.
    ///   - summary: what was found, and on what evidence it is watched, for people.
    ///   - thresholds: from which lengths on it is reported.
    package init(
        process: RemoteProcessName,
        name: String,
        subject: StallReport.Subject,
        summary: String,
        thresholds: Thresholds
    ) {
        self.process = process
        self.name = name
        self.subject = subject
        self.summary = summary
        var statistics = StallStatistics()
        statistics.thresholdsNanoseconds = [
            thresholds.warning.wholeNanoseconds, thresholds.error.wholeNanoseconds,
            thresholds.critical.wholeNanoseconds,
        ]
        storage = Mutex(State(statistics: statistics))
    }

    /// What is known of it now.
    package var state: State {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }

    var snapshot: RemoteTargetSnapshot {
        RemoteTargetSnapshot(process: process, summary: summary, threads: state.threads)
    }
}
