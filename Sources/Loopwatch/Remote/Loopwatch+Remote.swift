// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// What is found of other processes, reported as if it were one's own: the same numbers, limits, log, metrics and endpoint.
extension Loopwatch {
    /// Adds a loop or pool of another process.
    ///
    /// What keeps it from being added is told in the log, as by ``add(_:)``.
    @discardableResult
    package func add(_ remote: RemoteTarget) -> TargetRegistration { add(.remote(remote)) }

    /// Reports what was found of a target that was added; harmless for one that was not.
    ///
    /// Safe from any thread; never blocks.
    package func report(_ draft: ReportDraft, of remote: RemoteTarget, finding: RemoteFinding) {
        parts.report(draft, of: remote, finding: finding)
    }

    /// Adds another process as a whole, for the metrics.
    package func add(_ process: WatchedProcess) { parts.processes.add(process) }

    /// Takes it off the metrics.
    package func remove(_ process: WatchedProcess) { parts.processes.remove(process) }

    /// How many loops and pools of other processes are watched.
    package var remoteTargetCounts: (loops: Int, pools: Int) { parts.registry.remoteTargetCounts }

    /// Reports that another process was stopped, as by `SIGSTOP`, which is laid on none of its loops.
    ///
    /// Safe from any thread; never blocks.
    package func report(_ interruption: Interruption, of process: RemoteProcessName) {
        parts.report(interruption, of: process)
    }

    /// Writes a line about the watch itself.
    package func note(_ text: String) { parts.note(text) }
}

/// What the threads of a target in another process were at.
package struct RemoteFinding: Sendable {
    /// Their stacks, with names; of a loop, one.
    package var stacks: [Stack]
    /// Why there are none, in words.
    package var omitted: String?
    /// What the system call is about.
    package var causeDetail: String?
    /// Of a loop, what it was at since the report before, and when.
    package var samples: [StackSamples.Sample]

    /// Creates a finding.
    package init(
        stacks: [Stack] = [],
        omitted: String? = nil,
        causeDetail: String? = nil,
        samples: [StackSamples.Sample] = []
    ) {
        self.stacks = stacks
        self.omitted = omitted
        self.causeDetail = causeDetail
        self.samples = samples
    }
}
