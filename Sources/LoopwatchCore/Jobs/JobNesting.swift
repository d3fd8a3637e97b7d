// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Jobs that run within others on the same thread, as when a job runs the main queue, or a work item waits for another by
/// running it.
///
/// A thread is held by the outermost of them, from its beginning to its end: what runs within holds no thread of its own.
struct JobNesting {
    /// The outermost jobs of those that run.
    let running: [Job]
    /// The long jobs that have ended, without those that ran within another one.
    let ended: [JobReading.Ended]

    /// Takes the jobs of one executor.
    init(running: [Job], ended: [JobReading.Ended]) {
        var outermost: [Int32: Job] = [:]
        for job in running where outermost[job.thread].map({ Self.isBefore(job, $0) }) ?? true {
            outermost[job.thread] = job
        }
        // Mostly there are none within others.
        self.running = outermost.count == running.count ? running : running.filter { outermost[$0.thread] == $0 }
        let others = Dictionary(grouping: ended) { $0.job.thread }
        self.ended = ended.filter { each in
            if let job = outermost[each.job.thread], Self.isBefore(job, each.job) { return false }
            return others[each.job.thread, default: []].allSatisfy {
                $0.ended < each.ended || !Self.isBefore($0.job, each.job)
            }
        }
    }

    private static func isBefore(_ job: Job, _ other: Job) -> Bool {
        (job.began, job.identity.startTicks) < (other.began, other.identity.startTicks)
    }
}
