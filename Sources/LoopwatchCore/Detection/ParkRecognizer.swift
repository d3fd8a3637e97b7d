// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Learns in which system call a loop's thread waits for work, so that a loop that waits need never be woken again.
///
/// The proof is an experiment: a beat is posted while the thread sleeps in a call. If the beat is answered at once, that
/// call is one that work ends. If the thread goes on sleeping in it although a beat is out, it is not, and never will be.
/// Several answered beats are needed, so that a block that happened to end just then is not taken for waiting.
public struct ParkRecognizer: Sendable {
    /// What is known of one signature.
    private enum Standing: Sendable, Equatable {
        case answered(Int)
        case refuted
    }

    /// Beats that must be answered at once from the same call before it is believed.
    public static let proofsNeeded = 3
    /// A beat that is answered within this time was answered at once, in nanoseconds.
    public static let promptNanoseconds: Int64 = 2_000_000

    private var standings: [WaitSignature: Standing] = [:]
    private var candidate: WaitSignature?

    /// Creates a recognizer that knows nothing.
    public init() {}

    /// Whether a thread that sleeps so waits for work.
    public func isPark(_ signature: WaitSignature) -> Bool {
        if case .answered(let count) = standings[signature] { return count >= Self.proofsNeeded }
        return false
    }

    /// A beat is posted while the thread sleeps so (`nil`: it does not sleep, or not in a call that work could end).
    public mutating func beatPosted(whileIn signature: WaitSignature?) {
        candidate = signature
    }

    /// The beat was answered after the given time, by the thread that was looked at or by another.
    public mutating func beatAnswered(afterNanoseconds lag: Int64, bySameThread: Bool) {
        guard let signature = candidate else { return }
        candidate = nil
        guard bySameThread, lag <= Self.promptNanoseconds, standings[signature] != .refuted else { return }
        var count = 0
        if case .answered(let known) = standings[signature] { count = known }
        guard count > 0 || makeRoom() else { return }
        standings[signature] = .answered(min(count + 1, Self.proofsNeeded))
    }

    /// The thread still sleeps in the same call, without having run, although a beat is out that would have woken it.
    public mutating func sleptThroughBeat(in signature: WaitSignature) {
        if candidate == signature { candidate = nil }
        guard standings[signature] != nil || makeRoom() else { return }
        standings[signature] = .refuted
    }

    /// Forgets what was not proved when nothing more can be remembered; returns whether there is room then.
    ///
    /// A loop that has slept in many ways before it waited must still be learned.
    private mutating func makeRoom() -> Bool {
        if standings.count == Limits.parkSignatures {
            standings = standings.filter { $0.value == .answered(Self.proofsNeeded) }
        }
        return standings.count < Limits.parkSignatures
    }

    /// Another thread serves the target now: what was learned is of no use.
    public mutating func threadChanged() {
        standings = [:]
        candidate = nil
    }
}
