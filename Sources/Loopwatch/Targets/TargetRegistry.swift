// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The targets of a watch: added and removed from any thread, listed by the watchdog and the endpoint.
final class TargetRegistry: Sendable {
    private struct Storage {
        var loops: [WatchedTarget] = []
        var pools: [WatchedTarget] = []
        var removed: [WatchedTarget] = []
        var loopsRejected: UInt64 = 0
        var poolsRejected: UInt64 = 0
        /// Loops and pools: kept, because the watchdog asks at each wake-up.
        var all: [WatchedTarget] = []
    }

    /// A picture of the registry.
    struct Listing {
        /// The loops, in the order of registration.
        var loops: [WatchedTarget]
        /// The pools, in the order of registration.
        var pools: [WatchedTarget]
        /// Loops that were refused because of the limit.
        var loopsRejected: UInt64
        /// Pools that were refused because of the limit.
        var poolsRejected: UInt64
    }

    private let storage = Mutex(Storage())
    /// Counts what was added: stored with release before a target is listed and loaded with acquire after, so that what it
    /// was made of is seen by whoever finds it there, also by a sanitizer that does not see into the lock.
    private let additions = Atomic<UInt64>(0)
    private let configuration: WatchConfiguration
    private let changed: @Sendable () -> Void

    /// Creates an empty registry.
    ///
    /// - Parameters:
    ///   - configuration: limits and defaults.
    ///   - changed: called after each change, on the thread that made it.
    init(configuration: WatchConfiguration, changed: @escaping @Sendable () -> Void) {
        self.configuration = configuration
        self.changed = changed
    }

    /// Registers a target.
    func add(_ target: WatchTarget, now: MonotonicInstant) -> Result<WatchedTarget, TargetError> {
        let thresholds = target.thresholds ?? configuration.thresholds
        let resolution = target.resolution ?? configuration.resolution
        do throws(ConfigurationError) {
            try thresholds.validate(name: "thresholds")
            try WatchConfiguration.validate(resolution: resolution, key: "resolution")
        } catch {
            return .failure(TargetError(description: "target '\(target.name)' is not watched: \(error)"))
        }
        guard !target.name.isEmpty, target.name.utf8.count <= Limits.targetNameBytes else {
            let name = target.name.utf8.count > Limits.targetNameBytes ? target.name.prefix(32) + "..." : ""
            return .failure(
                TargetError(
                    description: "target '\(name)' is not watched: a name has 1 to \(Limits.targetNameBytes) bytes."
                )
            )
        }
        let watched = WatchedTarget(
            target: target,
            policy: DetectionPolicy(
                resolutionNanoseconds: resolution.wholeNanoseconds,
                thresholds: thresholds,
                reportsBeforeFirstAnswer: target.reportsBeforeFirstAnswer,
                isPool: target.subject == .pool
            ),
            now: now
        )
        let problem: String? = storage.withLock { storage in
            let isPool = target.subject == .pool
            additions.wrappingAdd(1, ordering: .releasing)
            // What the host names itself takes the place of what was added for it.
            if !isPool, target.jobRole == nil, target.remote == nil,
                let automatic = storage.loops.firstIndex(where: {
                    $0.target.jobRole == .mainActor && ($0.target.name == target.name || watched.isMain)
                })
            {
                storage.removed.append(storage.loops.remove(at: automatic))
            }
            if (isPool ? storage.pools : storage.loops).contains(where: { $0.target.identity == target.identity }) {
                return "a \(target.subject.rawValue) of that name is watched already."
            }
            if isPool {
                guard storage.pools.count < configuration.poolsLimit else {
                    storage.poolsRejected += 1
                    return "the limit of \(configuration.poolsLimit) pools is reached (poolsLimit raises it)."
                }
                storage.pools.append(watched)
            } else {
                guard storage.loops.count < configuration.loopsLimit else {
                    storage.loopsRejected += 1
                    return "the limit of \(configuration.loopsLimit) loops is reached (loopsLimit raises it)."
                }
                storage.loops.append(watched)
            }
            storage.all = storage.loops + storage.pools
            return nil
        }
        if let problem {
            return .failure(TargetError(description: "target '\(target.name)' is not watched: \(problem)"))
        }
        changed()
        return .success(watched)
    }

    /// Removes a target; harmless if it is not there.
    func remove(_ watched: WatchedTarget) {
        storage.withLock { storage in
            let count = storage.all.count
            storage.loops.removeAll { $0 === watched }
            storage.pools.removeAll { $0 === watched }
            storage.all = storage.loops + storage.pools
            if storage.all.count < count { storage.removed.append(watched) }
        }
        changed()
    }

    /// The target that was added for one of another process; `nil` if it was not.
    func target(of remote: RemoteTarget) -> WatchedTarget? { targets.first { $0.target.remote === remote } }

    /// How many loops and pools of other processes there are.
    var remoteTargetCounts: (loops: Int, pools: Int) {
        let listing = listing
        return (listing.loops.count { $0.target.remote != nil }, listing.pools.count { $0.target.remote != nil })
    }

    /// The targets that were removed since the last call, for the watchdog to let go of.
    func takeRemoved() -> [WatchedTarget] {
        let removed = storage.withLock { storage in
            defer { storage.removed = [] }
            return storage.removed
        }
        _ = additions.load(ordering: .acquiring)
        return removed
    }

    /// Loops and pools.
    var targets: [WatchedTarget] {
        let all = storage.withLock { $0.all }
        _ = additions.load(ordering: .acquiring)
        return all
    }

    /// The targets now.
    var listing: Listing {
        defer { _ = additions.load(ordering: .acquiring) }
        return storage.withLock { storage in
            Listing(
                loops: storage.loops,
                pools: storage.pools,
                loopsRejected: storage.loopsRejected,
                poolsRejected: storage.poolsRejected
            )
        }
    }
}
