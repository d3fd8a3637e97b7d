// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Turns what the detectors say into reports: gives them numbers and wall time, keeps to the budget, and hands them to
/// the ring, the log and the followers.
final class Reporter: Sendable {
    private struct Key: Hashable {
        var subject: StallReport.Subject
        var target: String
        var episode: UInt64
    }

    private struct Storage {
        var sequence: UInt64 = 0
        var stalls: UInt64 = 0
        var numbers: [Key: UInt64] = [:]
        var budget: ReportBudget
        var warningsBySeverity: [UInt64] = [0, 0, 0]
    }

    private let storage: Mutex<Storage>
    private let process: String
    private let ring: WarningRing
    private let log: LogWriter?
    private let interruptionReportNanoseconds: Int64
    private let published: @Sendable () -> Void

    /// Creates a reporter.
    ///
    /// - Parameters:
    ///   - process: name of the process, the target of what concerns all of it.
    ///   - ring: keeps the latest reports.
    ///   - log: writes them; `nil` when there is no log.
    ///   - budget: limits what is written.
    ///   - interruptionReportNanoseconds: interruptions of the host below this are counted, but not reported.
    ///   - published: called after each report that went to the ring.
    init(
        process: String,
        ring: WarningRing,
        log: LogWriter?,
        budget: ReportBudget,
        interruptionReportNanoseconds: Int64,
        published: @escaping @Sendable () -> Void
    ) {
        storage = Mutex(Storage(budget: budget))
        self.process = process
        self.ring = ring
        self.log = log
        self.interruptionReportNanoseconds = interruptionReportNanoseconds
        self.published = published
    }

    /// What became of the reports.
    var snapshot: ReportingSnapshot {
        var result = ReportingSnapshot()
        storage.withLock { storage in
            result.warningsBySeverity = storage.warningsBySeverity
            result.suppressed = storage.budget.suppressedTotal
        }
        if let dropped = log?.dropped {
            result.droppedQueueFull = dropped.queueFull
            result.droppedWriteFailed = dropped.writeFailed
        }
        return result
    }

    /// Whether every destination of the log took the latest line.
    var isLogHealthy: Bool { log?.isHealthy ?? true }

    /// Reports what a detector said.
    ///
    /// - Returns: the report as it was written; `nil` if the rate limit kept it back.
    func report(
        _ draft: ReportDraft,
        of target: WatchTarget,
        found: EpisodeStacks.Found,
        now: MonotonicInstant,
        unixNanoseconds unix: Int64
    ) -> StallReport? {
        let report = storage.withLock { storage -> StallReport in
            storage.warningsBySeverity[draft.severity.rawValue] += 1
            let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
            let stall = storage.numbers[key] ?? storage.stalls + 1
            storage.stalls = max(storage.stalls, stall)
            storage.numbers[key] = draft.state == .ended ? nil : stall
            return StallReport(
                sequence: 0,
                stall: stall,
                state: draft.state,
                kind: draft.kind,
                subject: target.subject,
                target: target.name,
                severity: draft.severity,
                durationNanoseconds: draft.durationNanoseconds,
                beganUnixNanoseconds: unix - now.nanoseconds(since: draft.began),
                unixNanoseconds: unix,
                cause: draft.cause,
                cpuShare: draft.cpuShare,
                threadIdentifier: draft.thread,
                interruptedNanoseconds: draft.interruptedNanoseconds,
                depth: draft.depth,
                stack: found.stack,
                stackOmitted: found.omitted,
                causeDetail: found.causeDetail,
                pool: draft.pool,
                process: target.remote?.process,
                evidence: draft.evidence,
                durationUpperNanoseconds: draft.durationUpperNanoseconds,
                groups: draft.pool?.kind == .heldThread ? [] : found.groups,
                waitingConnections: draft.waitingConnections
            )
        }
        return publish(report, now: now)
    }

    /// Reports that the host did not run, or that another process was stopped; of that one, whoever watches it has decided
    /// that it was long enough.
    func interrupted(
        _ interruption: Interruption,
        of remote: RemoteProcessName? = nil,
        nanoseconds: Int64,
        now: MonotonicInstant,
        unixNanoseconds unix: Int64
    ) {
        guard remote != nil || nanoseconds >= interruptionReportNanoseconds else { return }
        let stall = storage.withLock { storage -> UInt64 in
            storage.stalls += 1
            return storage.stalls
        }
        let report = StallReport(
            sequence: 0,
            stall: stall,
            state: .ended,
            kind: .interruption,
            subject: .process,
            target: remote?.name ?? process,
            severity: nil,
            durationNanoseconds: nanoseconds,
            beganUnixNanoseconds: unix - nanoseconds,
            unixNanoseconds: unix,
            cause: interruption.cause,
            process: remote
        )
        publish(report, now: now)
    }

    /// Writes a line about Loopwatch itself.
    func note(_ text: String) {
        log?.note(text)
    }

    /// Writes that all is as was asked for, where the log takes such lines.
    func inform(_ text: String) {
        log?.inform(text)
    }

    @discardableResult
    private func publish(_ report: StallReport, now: MonotonicInstant) -> StallReport? {
        let fingerprint = ReportBudget.Fingerprint(
            target: "\(report.subject.rawValue) \(report.process.map { $0.name + "/" } ?? "")\(report.target)",
            kind: report.kind,
            cause: report.cause.text
        )
        let admitted = storage.withLock { storage -> StallReport? in
            guard
                let suppressed = storage.budget.admit(
                    fingerprint,
                    stall: report.stall,
                    state: report.state,
                    severity: report.severity,
                    now: now
                )
            else { return nil }
            storage.sequence += 1
            var admitted = report
            admitted.sequence = storage.sequence
            admitted.suppressed = suppressed
            // Under the lock, so that the ring is in the order of the numbers.
            ring.append(admitted)
            return admitted
        }
        guard let admitted else { return nil }
        log?.write(admitted)
        published()
        return admitted
    }
}
