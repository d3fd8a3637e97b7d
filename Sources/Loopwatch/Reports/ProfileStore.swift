// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The profile of blocked time, shared by who records and who reads; the lock is held for one record or one copy only.
final class ProfileStore: Sendable {
    private let storage: Mutex<StallProfile>

    /// Creates an empty profile that begins now.
    init() {
        storage = Mutex(StallProfile(beganUnixNanoseconds: Clock.unixNanoseconds()))
    }

    /// The profile as it is now: a copy that shares its storage until the next record.
    var profile: StallProfile { storage.withLock { $0 } }

    /// What the metrics say of the profile, without a copy.
    func fill(_ snapshot: inout CaptureSnapshot) {
        (snapshot.profileStacks, snapshot.profileEvicted) = storage.withLock { ($0.count, $0.evictedGroups) }
    }

    /// Counts one sample of a stall; see ``StallProfile/record``.
    func record(
        stack: Stack,
        subject: StallReport.Subject,
        target: String,
        cause: Cause,
        nanoseconds: Int64,
        isNewStall: Bool,
        stallNanoseconds: Int64,
        unixNanoseconds: Int64
    ) {
        storage.withLock {
            $0.record(
                stack: stack,
                subject: subject,
                target: target,
                cause: cause,
                nanoseconds: nanoseconds,
                isNewStall: isNewStall,
                stallNanoseconds: stallNanoseconds,
                unixNanoseconds: unixNanoseconds
            )
        }
    }

    /// Counts blocked time for which there is no stack.
    func recordUnattributed(nanoseconds: Int64, isNewStall: Bool) {
        storage.withLock { $0.recordUnattributed(nanoseconds: nanoseconds, isNewStall: isNewStall) }
    }
}
