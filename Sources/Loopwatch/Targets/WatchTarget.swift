// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Dispatch
public import LoopwatchCore
internal import LoopwatchPlatform

/// Something to be watched: a serial loop or a concurrent pool, anything that can run a closure.
///
/// Made by one of the functions below and handed to ``Loopwatch/add(_:)``.
public struct WatchTarget: Sendable {
    /// Runs a closure on the target.
    ///
    /// It is called on the watchdog's thread: it must not block, and not run the closure itself.
    public typealias Submit = @Sendable (_ work: @escaping @Sendable () -> Void) -> Void

    /// The evidence, beside beats, by which a target is watched.
    enum Evidence: Sendable {
        /// The thread that answers beats, once it is known.
        case thread
        /// The words of a Dispatch queue.
        case dispatchQueue(DispatchQueue)
        /// Beats, and the thread that answers them as far as nothing else runs.
        case pool
    }

    /// A part of what accounting of Swift's pool tells.
    enum JobRole: Sendable {
        /// The global executor, all priorities.
        case pool
        /// The main actor.
        case mainActor
    }

    /// The name: what warnings and metrics call it.
    ///
    /// Unique within a watch.
    public let name: String
    let subject: StallReport.Subject
    let evidence: Evidence
    let submit: Submit
    let depth: (@Sendable () -> Int)?
    let size: (@Sendable () -> Int)?
    var reportsBeforeFirstAnswer = true
    var resolution: Duration?
    var thresholds: Thresholds?
    /// What accounting tells of it, where Swift's pool is accounted.
    var jobRole: JobRole?
    /// What counts and times its work items, where the host has metered it.
    var meter: PoolMeter?
    /// Who tells of it, where it is in another process.
    var remote: RemoteTarget?
    /// Whether Dispatch's worker threads serve it, so that those which are held and never answer are found among them.
    var isOnDispatchWorkers = false

    /// Overrides the configuration's thresholds and resolution for this target.
    public func with(thresholds: Thresholds? = nil, resolution: Duration? = nil) -> WatchTarget {
        var copy = self
        copy.thresholds = thresholds ?? copy.thresholds
        copy.resolution = resolution ?? copy.resolution
        return copy
    }

    /// What tells it from the targets of other processes as well.
    var identity: String { remote.map { "\($0.process.name)/\(name)" } ?? name }

    /// A loop or pool of another process, which nothing of this one looks at.
    static func remote(_ remote: RemoteTarget) -> WatchTarget {
        var target = WatchTarget(
            name: remote.name,
            subject: remote.subject,
            evidence: .thread,
            submit: { _ in },
            depth: nil,
            size: nil
        )
        target.remote = remote
        return target
    }

    /// A serial loop: whatever runs closures one after another.
    ///
    /// A NIO event loop is `.loop("http-0") { eventLoop.execute($0) }`.
    ///
    /// - Parameters:
    ///   - name: what to call it.
    ///   - submit: runs a closure on the loop.
    public static func loop(_ name: String, submit: @escaping Submit) -> WatchTarget {
        WatchTarget(name: name, subject: .loop, evidence: .thread, submit: submit, depth: nil, size: nil)
    }

    /// A serial Dispatch queue.
    public static func queue(_ name: String, _ queue: DispatchQueue) -> WatchTarget {
        WatchTarget(
            name: name,
            subject: .loop,
            evidence: .dispatchQueue(queue),
            submit: { work in queue.async(execute: work) },
            depth: nil,
            size: nil
        )
    }

    /// The main queue.
    ///
    /// Nothing is reported before it has answered once, because a program whose main thread never returns to its run loop
    /// does not serve it at all.
    public static func mainQueue(_ name: String = "main") -> WatchTarget {
        var target = queue(name, .main)
        target.reportsBeforeFirstAnswer = false
        return target
    }

    /// The main actor, through its own executor.
    ///
    /// Nothing is reported before it has answered once, as for ``mainQueue(_:)``.
    public static func mainActor(_ name: String = "main-actor") -> WatchTarget {
        var target = WatchTarget(
            name: name,
            subject: .loop,
            // On Linux the main actor's executor is the main queue, unless the program brings its own.
            evidence: .dispatchQueue(.main),
            submit: { work in Task { @MainActor in work() } },
            depth: nil,
            size: nil
        )
        target.reportsBeforeFirstAnswer = false
        return target
    }

    /// Swift's global executor, at one priority: each has a queue of its own, so that one may run dry alone.
    public static func globalExecutor(_ name: String = "swift", priority: TaskPriority = .medium) -> WatchTarget {
        var target = WatchTarget(
            name: name,
            subject: .pool,
            evidence: .pool,
            submit: { work in Task.detached(priority: priority) { work() } },
            depth: nil,
            size: { ProcessorCount.logical }
        )
        target.isOnDispatchWorkers = true
        return target
    }

    /// Swift's global executor, all priorities, as accounting tells; by beats at the default priority where it does not.
    static func accountedExecutor() -> WatchTarget {
        var target = globalExecutor()
        target.jobRole = .pool
        return target
    }

    /// The main actor, as accounting tells and no other way.
    static func accountedMainActor() -> WatchTarget {
        var target = mainActor()
        target.jobRole = .mainActor
        return target
    }

    /// Whether it is the main queue, or the main actor, that is watched.
    ///
    /// `DispatchQueue.main` is another wrapper of the same queue each time, so what is wrapped tells.
    var isMain: Bool {
        guard case .dispatchQueue(let queue) = evidence else { return false }
        let main = DispatchQueue.main
        return withExtendedLifetime((queue, main)) {
            let address = DispatchQueueLayout.address(ofWrapper: Unmanaged.passUnretained(queue).toOpaque())
            let mainAddress = DispatchQueueLayout.address(ofWrapper: Unmanaged.passUnretained(main).toOpaque())
            return address != nil && address == mainAddress
        }
    }

    /// A concurrent Dispatch queue.
    public static func concurrentQueue(_ name: String, _ queue: DispatchQueue) -> WatchTarget {
        var target = WatchTarget(
            name: name,
            subject: .pool,
            evidence: .pool,
            submit: { work in queue.async(execute: work) },
            depth: nil,
            size: nil
        )
        target.isOnDispatchWorkers = true
        return target
    }

    /// Any pool of threads.
    ///
    /// - Parameters:
    ///   - name: what to call it.
    ///   - submit: runs a closure on any thread of the pool.
    ///   - depth: how many items wait for a thread; called on the watchdog's thread, so it must not block.
    ///   - size: how many threads the pool may have; likewise.
    public static func pool(
        _ name: String,
        submit: @escaping Submit,
        depth: (@Sendable () -> Int)? = nil,
        size: (@Sendable () -> Int)? = nil
    ) -> WatchTarget {
        WatchTarget(name: name, subject: .pool, evidence: .pool, submit: submit, depth: depth, size: size)
    }
}
