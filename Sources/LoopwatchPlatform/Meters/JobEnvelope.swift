// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
package import LoopwatchCore
internal import Synchronization

/// Jobs that run another job, by which it is known when an executor that somebody else wrote begins and ends one.
package enum JobEnvelope {
    /// Called, on the thread that runs an envelope, with its owner, the job within, its ticket, and the number of the job's
    /// task and its kind, for ``job(_:)`` and ``kind(_:)``.
    ///
    /// It runs the job, and releases the owner.
    package typealias Opened =
        @convention(c) (
            UnsafeMutableRawPointer, UnsafeMutableRawPointer?, Int64, UInt64, UInt32
        ) -> Void

    /// A job that runs another; `nil` where there is no memory.
    ///
    /// One allocation of 96 bytes, which is freed when it is run. Only where ``isUsable``.
    ///
    /// - Parameters:
    ///   - job: the job within.
    ///   - ticket: handed on.
    ///   - owner: retained, handed on.
    ///   - opened: what is called when the envelope is run.
    package static func around(
        _ job: UnownedJob,
        ticket: Int64,
        owner: AnyObject,
        _ opened: Opened
    ) -> UnownedJob? {
        let owner = Unmanaged.passRetained(owner)
        let job = unsafeBitCast(job, to: UnsafeMutableRawPointer.self)
        guard let envelope = lw_job_envelope(job, owner.toOpaque(), ticket, opened) else {
            owner.release()
            return nil
        }
        return unsafeBitCast(envelope, to: UnownedJob.self)
    }

    /// The job within: an `UnownedJob` is a pointer to it, and nothing else.
    package static func job(_ pointer: UnsafeMutableRawPointer) -> UnownedJob {
        unsafeBitCast(pointer, to: UnownedJob.self)
    }

    /// The kind of a job.
    package static func kind(_ number: UInt32) -> JobKind { JobKind(rawValue: Int(number)) ?? .other }

    /// Whether the runtime runs such jobs as expected: tried once, on the calling thread.
    package static let isUsable: Bool = {
        // The layout is that of 64-bit systems.
        guard MemoryLayout<UnownedJob>.size == 8, lw_jobs_check() == nil else { return false }
        let trial = Trial()
        let owner = Unmanaged.passRetained(trial)
        let envelope = lw_job_envelope(nil, owner.toOpaque(), 42) { owner, job, ticket, _, _ in
            let trial = Unmanaged<Trial>.fromOpaque(owner).takeRetainedValue()
            trial.isOpened.store(job == nil && ticket == 42, ordering: .relaxed)
        }
        guard let envelope else { return false }
        job(envelope).runSynchronously(on: trial.asUnownedTaskExecutor())
        return trial.isOpened.load(ordering: .relaxed)
    }()

    /// Runs nothing by itself.
    private final class Trial: TaskExecutor {
        let isOpened = Atomic(false)

        func enqueue(_ job: consuming ExecutorJob) { preconditionFailure("nothing prefers this executor") }
    }
}
