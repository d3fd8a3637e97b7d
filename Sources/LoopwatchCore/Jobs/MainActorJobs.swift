// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The jobs of the main actor that keep it from going on.
///
/// One that runs others of the main actor within itself, such as one that runs the main run loop, serves the main actor,
/// however long it takes.
struct MainActorJobs: Sendable {
    /// Jobs within which others have run.
    private var serving: Set<JobIdentity> = []

    /// Those of a reading that run.
    func running(_ reading: JobReading) -> [Job] {
        reading.running.filter { $0.lane == .main && !isServing($0, until: reading.instant, reading) }
    }

    /// Takes a reading; returns those that run, and the long ones that have ended.
    mutating func take(_ reading: JobReading) -> (running: [Job], ended: [JobReading.Ended]) {
        let all = reading.running.filter { $0.lane == .main }
        let ended = reading.ended.filter {
            $0.job.lane == .main && !isServing($0.job, until: $0.ended, reading)
        }
        serving = Set(all.filter { isServing($0, until: reading.instant, reading) }.map(\.identity))
        return (running(reading), ended)
    }

    private func isServing(_ job: Job, until end: MonotonicInstant, _ reading: JobReading) -> Bool {
        if serving.contains(job.identity) { return true }
        // It is served by one job at a time: what has begun since runs, or ran, within.
        guard let latest = reading.lanes[JobLane.main.rawValue].lastStart else { return false }
        return latest > job.began && latest < end
    }
}
