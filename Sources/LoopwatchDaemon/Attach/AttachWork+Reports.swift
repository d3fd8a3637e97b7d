// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// What is read of blocked threads, and reported.
extension AttachWork {
    /// Reads stacks a little before they are wanted: of a block that is hardly longer than the threshold nothing would be
    /// left to read, and what is read for the first time takes longer.
    mutating func prepare(now: MonotonicInstant) {
        let policy = process.options.policy
        let early = policy.thresholdNanoseconds - policy.preparationNanoseconds
        for away in process.loopsAway(forNanoseconds: early, at: now)
        where prepared[away.target]?.since != away.since && !blocked.contains(away.target) {
            guard budget.admit(now: now) else { return }
            // Where this is late, the loop may wait again: what would be read is its wait, and nothing that blocks.
            guard !process.isWaiting(away.thread) else { continue }
            let finding = read([away.thread], since: away.since)
            prepared[away.target] = Prepared(since: away.since, finding: finding)
        }
    }

    private func prepared(for draft: ReportDraft, of identity: RemoteTargetIdentity) -> RemoteFinding? {
        guard let known = prepared[identity], known.since == draft.began, !known.finding.stacks.isEmpty else {
            return nil
        }
        return known.finding
    }

    mutating func report(_ draft: ReportDraft, of identity: RemoteTargetIdentity, threads: [Int32]) {
        guard let (target, _) = targets[identity] else { return }
        hasReported = true
        var draft = draft
        var finding = RemoteFinding()
        if let most = process.swiftJobsMost(of: identity), draft.state != .ended {
            // Whose threads the busy ones are, only their stacks tell.
            guard let jobs = swiftJobs(draft, of: identity, threads: threads, most: most) else { return }
            finding = jobs
        }
        if identity.subject == .pool, let pool = process.pool(of: identity) {
            draft.pool = PoolFinding(
                kind: .saturated,
                lane: .unspecified,
                holders: [],
                held: pool.busy,
                width: pool.size ?? pool.threads
            )
            draft.pool?.isOfSwift = process.swiftJobsMost(of: identity) != nil
            draft.pool?.lane = swiftLanes[identity] ?? .unspecified
        }
        if draft.state != .ended, finding.stacks.isEmpty {
            finding = read(threads, since: draft.began)
            if draft.kind == .stall, identity.subject == .loop, let thread = threads.first,
                isAtManyJobs(thread, of: identity, since: draft.began)
            {
                draft.kind = .congestion
                draft.cause = .congestion
                process.noteManyJobs(inEpisode: draft.episode, of: identity)
            }
            // What was read belongs to the block only if that was still going on afterwards.
            let read = Clock.now()
            let later = process.look(now: read)
            // Its end may have been seen with its beginning already, where the look at both came late.
            if Self.isOver(draft, of: identity, in: queue + later, before: read) {
                finding = RemoteFinding(omitted: "it went on before its stack could be read")
            }
            queue += later
        }
        // At the end the reports before it tell, if there were any.
        if draft.state == .begun || !blocked.contains(identity), let known = prepared(for: draft, of: identity) {
            finding.samples.insert(contentsOf: known.samples, at: 0)
            if finding.stacks.isEmpty { finding = known }
        }
        // Where that takes long, the first report does not wait for it, and the next one has it.
        let isFirst = draft.state == .begun && !acceptQueues.isQuick
        if !isFirst { noteWaitingConnections(&draft, of: identity) }
        if draft.state == .ended { blocked.remove(identity) } else { blocked.insert(identity) }
        watch.report(draft, of: target, finding: finding)
        if isFirst { noteWaitingConnections(&draft, of: identity) }
        publish(now: Clock.now())
    }

    /// Looks who waits for a blocked loop; at the end nobody may any more, and the reports before it tell.
    private mutating func noteWaitingConnections(_ draft: inout ReportDraft, of identity: RemoteTargetIdentity) {
        guard identity.subject == .loop else { return }
        let most = max(waitingConnections[identity] ?? 0, draft.state == .ended ? 0 : acceptQueues.waiting())
        waitingConnections[identity] = draft.state == .ended ? nil : most
        if most > 0 { draft.waitingConnections = most }
    }

    /// Whether a block was over before an instant, as something that was seen tells.
    static func isOver(
        _ draft: ReportDraft,
        of identity: RemoteTargetIdentity,
        in said: [ProcessWatch.Said],
        before instant: MonotonicInstant
    ) -> Bool {
        said.contains { said in
            guard case .report(let other, let whose, _) = said, whose == identity else { return false }
            return other.state == .ended && other.episode == draft.episode && other.until < instant
        }
    }

    /// Reads what threads are at, of which a loop has been away from its wait since an instant.
    mutating func read(_ threads: [Int32], since began: MonotonicInstant) -> RemoteFinding {
        guard reader != nil else { return RemoteFinding(omitted: readerProblem) }
        var finding = RemoteFinding()
        for thread in threads.prefix(Limits.remoteThreadsCaptured) {
            switch reader!.stack(of: thread, allowsStop: options.allowsStop && !process.isWaiting(thread)) {
            case .success(let stack):
                finding.stacks.append(stack)
                if threads.count == 1 { finding.causeDetail = causeDetail(stack, of: thread, since: began) }
            case .failure(let omission):
                // Where its next wait is awaited, only who awaits it can stop the thread.
                if case .refused = omission, let copied = process.copy(of: thread) {
                    finding.stacks.append(reader!.stack(of: copied))
                } else {
                    finding.omitted = omission.text
                }
            }
        }
        if !finding.stacks.isEmpty { finding.omitted = nil }
        if threads.count == 1, let stack = finding.stacks.first {
            finding.samples = [StackSamples.Sample(stack: stack, instant: Clock.now())]
        }
        return finding
    }
}
