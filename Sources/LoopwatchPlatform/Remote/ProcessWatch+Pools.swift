// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Finding the pools of a process, and looking at them.
extension ProcessWatch {
    /// Finds pools among the threads.
    mutating func addPools(now: MonotonicInstant, into said: inout [Said]) {
        for (kind, members) in membersByKind().sorted(by: { $0.key.name < $1.key.name })
        where !pools.contains(where: { $0.detector.kind == kind }) && pools.count < Limits.remotePools {
            // Whoever reads stacks begins to when the first is found, and may tell threads of Python apart.
            if kind.name == PoolRecognition.pythonWorkers, sweeps == Self.firstSweeps { continue }
            let identity = identity(
                kind.name,
                .pool,
                members,
                "pool of \(members.count) \(members.count == 1 ? "thread" : "threads") "
                    + "(\(threads[members[0]]?.comm ?? ""))",
                .polling
            )
            let policy = DetectionPolicy(
                resolutionNanoseconds: options.policy.resolutionNanoseconds,
                thresholds: options.policy.thresholds,
                isPool: true
            )
            pools.append(
                RemotePoolWatch(
                    identity: identity,
                    detector: RemotePoolDetector(policy: policy, kind: kind, now: now)
                )
            )
            said.append(.found(identity))
        }
    }

    private func membersByKind() -> [PoolKind: [Int32]] {
        let loops = Set(loops.map(\.view.identifier))
        var members: [PoolKind: [Int32]] = [:]
        for identifier in threads.keys where !loops.contains(identifier) {
            guard let kind = kind(of: identifier) else { continue }
            members[kind, default: []].append(identifier)
        }
        return members.mapValues { $0.sorted() }
    }

    /// Looks at the threads of the pools that are due.
    mutating func lookAtPools(now: MonotonicInstant, into said: inout [Said]) {
        guard pools.contains(where: { ($0.detector.nextLook() ?? now) <= now }) else { return }
        refreshThreads()
        let members = membersByKind()
        forgetEmptyExecutors(members, now: now, into: &said)
        for index in pools.indices where (pools[index].detector.nextLook() ?? now) <= now {
            let calls = (members[pools[index].detector.kind] ?? []).compactMap { identifier in
                let view =
                    threads[identifier]?.view
                    ?? RemoteThread(process: process.identifier, thread: identifier, isSampled: true)
                return view.call().map { (thread: identifier, call: $0) }
            }
            let waiting = queue(of: pools[index].detector.kind)?.depth(in: memory)
            let drafts = pools[index].read(calls, waiting: waiting, at: now)
            let busy = Array(pools[index].busyThreads.prefix(Limits.remoteThreadsCaptured))
            say(drafts, of: pools[index].identity, threads: busy, into: &said)
        }
    }
}
