// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What others ask.
extension JobPoolDetector {
    /// Threads that are held for longer than the threshold now.
    public func heldLong(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [Job] {
        holds.heldLong(at: instant, interruptions: interruptions).map(\.job)
    }

    /// The counters of held threads.
    public func holdStatistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        holds.statistics(at: instant, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
    }

    /// The counters of the main actor.
    public func mainActorStatistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        main.statistics(at: instant, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
    }

    /// The counters of blocked and congested priorities, taken together.
    public func poolStatistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        let all = lanes.map {
            $0.statistics(at: instant, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
        }
        return all.dropFirst().reduce(into: all[0]) { $0.add($1) }
    }

    /// Why the pool is blocked now; `nil` if it is not.
    public var currentCause: Cause? { lanes.lazy.compactMap(\.currentCause).first }

    /// Whether the main actor has ever been served.
    public var isMainActorServed: Bool { isMainActorServed(last) }

    func isMainActorServed(_ reading: JobReading) -> Bool {
        let running = reading.running.count { $0.lane == .main }
        return reading.lanes[JobLane.main.rawValue].started > UInt64(running)
    }
}
