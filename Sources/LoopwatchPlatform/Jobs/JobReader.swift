// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
package import LoopwatchCore

/// Reads what accounting has counted.
///
/// Not safe for use from several threads at once: it belongs to the watchdog.
package struct JobReader: ~Copyable {
    /// Long jobs that had ended and were forgotten before they were read.
    package private(set) var lost: UInt64 = 0
    /// The clock of accounting, as of the latest reading.
    package private(set) var clock: TickClock
    private var cursors: [UInt64]
    private var jobs: [lw_job]

    /// Long jobs that are read at once; more come with the next reading.
    private static let jobsMost = Int(LW_JOB_SLOTS_MAX)

    /// Prepares to read; what ended before is left out.
    package init(now: MonotonicInstant) {
        clock = TickClock(nanosecondsOfTick: lw_jobs_tick_nanoseconds(), ticks: lw_jobs_tick(), instant: now)
        cursors = Array(repeating: 0, count: Int(LW_JOB_SLOTS_MAX))
        jobs = Array(repeating: lw_job(), count: Self.jobsMost)
        var old: UInt64 = 0
        while lw_jobs_ended(&cursors, &jobs, jobs.count, &old) == jobs.count {}
    }

    /// Reads everything.
    ///
    /// Costs 5 us, and some for each thread that runs a job.
    package mutating func read() -> JobReading {
        // The instant is that of the counter: nothing that it tells of lies after it.
        var totals = lw_job_totals()
        // What has ended second: a job that ends meanwhile is then in both, and none is in neither.
        let running = readRunning()
        let ended = readEnded()
        let endedIdentities = Set(ended.map { JobIdentity(slot: $0.slot, startTicks: $0.start) })
        lw_jobs_read(&totals, 1)
        let now = Clock.now()
        clock.synchronize(ticks: lw_jobs_tick(), instant: now)
        return JobReading(
            instant: now,
            lanes: lanes(totals),
            running: running.map { job($0) }.filter { !endedIdentities.contains($0.identity) },
            ended: ended.map { JobReading.Ended(job: job($0), ended: clock.instant(ofTicks: $0.end)) }
        )
    }

    private func lanes(_ totals: lw_job_totals) -> [JobReading.Lane] {
        withUnsafeBytes(of: totals.lanes) { bytes in
            bytes.bindMemory(to: lw_job_lane_totals.self).map { lane in
                JobReading.Lane(
                    enqueued: lane.enqueued,
                    started: lane.started,
                    lastStart: lane.last_start == 0 ? nil : clock.instant(ofTicks: lane.last_start),
                    lastStartTicks: lane.last_start,
                    firstEnqueued: lane.first_enqueued == 0 ? nil : clock.instant(ofTicks: lane.first_enqueued)
                )
            }
        }
    }

    private mutating func readEnded() -> [lw_job] {
        let count = lw_jobs_ended(&cursors, &jobs, jobs.count, &lost)
        return Array(jobs.prefix(count))
    }

    private mutating func readRunning() -> [lw_job] {
        let count = lw_jobs_running(&jobs, jobs.count)
        return Array(jobs.prefix(count))
    }

    private func job(_ job: lw_job) -> Job {
        let kind = JobKind(rawValue: Int(job.kind)) ?? .other
        let within = kind == .actor && job.end == 0 ? lw_jobs_task_within(job.slot, job.start) : 0
        let name = withUnsafeBytes(of: job.name) { Self.name($0.prefix { $0 != 0 }) }
        let mark = job.end == 0 ? lw_jobs_mark(job.slot, job.start) : 0
        return Job(
            identity: JobIdentity(slot: job.slot, startTicks: job.start),
            thread: job.thread,
            began: clock.instant(ofTicks: job.start),
            lane: JobLane(rawValue: Int(job.lane)) ?? .queue,
            kind: kind,
            task: job.task == 0 ? nil : job.task,
            name: name.isEmpty ? nil : name,
            within: within == 0 ? nil : within,
            mark: mark == 0 ? nil : mark
        )
    }

    /// A name that may have been cut within a character.
    private static func name(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var name = String(decoding: bytes, as: UTF8.self)
        if bytes.count == Int(LW_JOB_NAME_BYTES) - 1, name.unicodeScalars.last == "\u{FFFD}" {
            name.unicodeScalars.removeLast()
        }
        return name
    }

    /// The jobs that run now.
    ///
    /// Safe from any thread.
    package static func running() -> [Job] {
        var reader = JobReader(now: Clock.now())
        return reader.readRunning().map { reader.job($0) }
    }

    /// Whether a job still holds its thread.
    ///
    /// Safe from any thread.
    package static func isRunning(_ identity: JobIdentity) -> Bool {
        lw_jobs_is_running(identity.slot, identity.startTicks) != 0
    }

    /// How many jobs of a lane have begun.
    ///
    /// Safe from any thread.
    package static func started(_ lane: JobLane) -> UInt64 { lw_jobs_started(UInt32(lane.rawValue)) }

    /// Forgets a job whose thread has ended within it.
    package static func release(_ job: Job) { lw_jobs_release(job.identity.slot, job.thread) }
}
