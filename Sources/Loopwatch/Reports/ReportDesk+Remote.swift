// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

extension ReportDesk {
    /// Passes on what was found of another process, and adds it to the profile: there is nothing left to look up.
    func reportRemote(
        _ draft: ReportDraft,
        of watched: WatchedTarget,
        _ found: EpisodeStacks.Found,
        now: MonotonicInstant,
        unixNanoseconds: Int64
    ) {
        report(draft, of: watched, found, now: now, unixNanoseconds: unixNanoseconds)
        guard draft.kind == .stall else { return }
        let threads = found.groups.reduce(0) { $0 + $1.threads }
        guard threads > 0 else {
            return profile.recordUnattributed(nanoseconds: found.nanoseconds, isNewStall: found.isFirst)
        }
        for (index, group) in found.groups.enumerated() {
            profile.record(
                stack: group.stack,
                subject: watched.target.subject,
                target: watched.target.identity,
                cause: draft.cause,
                nanoseconds: found.nanoseconds * Int64(group.threads) / Int64(threads),
                isNewStall: found.isFirst && index == 0,
                stallNanoseconds: draft.durationNanoseconds,
                unixNanoseconds: unixNanoseconds
            )
        }
    }
}
