// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Swift's cooperative pool in a process that knows nothing of us.
extension AttachWork {
    /// The runtime's function that runs a job, on the stack of every thread that runs one.
    private static let jobFunction = "swift_job_run"
    /// Time for which stacks are not read again that told of other work, in nanoseconds: it may go on like that.
    private static let otherWorkNanoseconds: Int64 = 5_000_000_000

    /// What those of a pool's busy threads are at that run Swift's jobs, if they are all that may at one priority; otherwise
    /// the report is withdrawn.
    ///
    /// Swift's pool has as many threads for each priority as there are processors. They are among Dispatch's, which have the
    /// priority in their names, and nothing that tells the two apart.
    mutating func swiftJobs(
        _ draft: ReportDraft,
        of identity: RemoteTargetIdentity,
        threads: [Int32],
        most: Int
    ) -> RemoteFinding? {
        let now = Clock.now()
        var finding = RemoteFinding()
        let isRecent = otherWork[identity].map { now.nanoseconds(since: $0) < Self.otherWorkNanoseconds } ?? false
        if !isRecent || blocked.contains(identity) {
            var stacks: [String: [Stack]] = [:]
            for thread in threads {
                guard let name = process.name(of: thread) else { continue }
                let read = read([thread], since: draft.began)
                for stack in read.stacks where stack.frames.contains(where: { $0.function == Self.jobFunction }) {
                    stacks[name, default: []].append(stack)
                }
            }
            if let most = stacks.max(by: { $0.value.count < $1.value.count }) {
                finding.stacks = most.value
                swiftLanes[identity] = Self.lane(ofThread: most.key)
            }
        }
        guard finding.stacks.count >= most else {
            if !isRecent { otherWork[identity] = now }
            queue += process.withdraw(wasTold: blocked.contains(identity), of: identity, now: now)
            return nil
        }
        return finding
    }

    /// The priority of a thread of Dispatch by its name, which is the end of that of its queue: `com.apple.root.default-qos`.
    private static func lane(ofThread name: String) -> JobLane {
        let words: [(String, JobLane)] = [
            ("background", .background), ("utility", .utility), ("default", .medium), ("initiated", .high),
            ("interactive", .userInteractive),
        ]
        return words.first { name.contains($0.0) }?.1 ?? .unspecified
    }
}
