// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What a service manager is to be told, and when: decides without a clock or a socket (sd_notify(3)).
///
/// That the service is alive is told only upon a proof: whoever owns the value puts a question to what does the work, and
/// hands over the answer. Without an answer nothing is told, and the manager ends and restarts the service.
struct ServiceNotices {
    /// A datagram.
    struct Notice: Equatable {
        /// What it is about.
        enum Subject: Equatable {
            case phase
            case status
            case alive
        }

        var subject: Subject
        /// Assignments, one on each line.
        var text: String
    }

    /// Where the service is in its life.
    enum Phase: Equatable {
        case starting
        case running
        case reloading
        case stopping
    }

    /// Time between two lines of status, in nanoseconds.
    static let statusNanoseconds: Int64 = 2_000_000_000
    /// Shortest time between two tries, in nanoseconds.
    private static let retryNanosecondsLeast: Int64 = 10_000_000

    /// Where the service is in its life.
    private(set) var phase = Phase.starting
    private let watchdogNanoseconds: Int64?
    /// What the manager has not been told yet, in order; at most four, because a reload that it never heard of is left out.
    private var unsent: [String] = []
    private var status: (text: String, sent: MonotonicInstant)?
    /// Since when the manager counts: the last sign of life, or the beginning.
    private var alive = MonotonicInstant(nanoseconds: 0)
    private var asked: UInt64 = 0
    private var answered: UInt64 = 0
    /// The last question before the last sign of life: an answer to it proves nothing of the time since then.
    private var askedBefore: UInt64 = 0
    private var lastQuestion: MonotonicInstant?

    /// Creates what is told of a service that starts.
    ///
    /// - Parameter watchdogNanoseconds: silence after which the manager takes the service to hang; `nil` for never.
    init(watchdogNanoseconds: Int64?) {
        self.watchdogNanoseconds = watchdogNanoseconds
    }

    // MARK: Phases

    /// The service has started, or has taken up its configuration again.
    mutating func ready(now: MonotonicInstant) {
        guard phase == .starting || phase == .reloading else { return }
        if phase == .starting { alive = now }
        phase = .running
        unsent.append("READY=1")
    }

    /// The service begins to take up its configuration again.
    mutating func reload(now: MonotonicInstant) {
        guard phase == .running else { return }
        phase = .reloading
        if let first = unsent.firstIndex(where: { $0.hasPrefix("RELOADING=1") }) {
            unsent.removeSubrange(first...)
        }
        unsent.append("RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1_000)")
    }

    /// The service begins to end.
    mutating func stop() {
        guard phase != .stopping else { return }
        phase = .stopping
        unsent.append("STOPPING=1\nSTATUS=Ending: what goes on is reported")
    }

    // MARK: Proofs of life

    /// The number of a question that is to be put now; `nil` if none is.
    mutating func question(now: MonotonicInstant) -> UInt64? {
        guard let watchdogNanoseconds, phase == .running || phase == .reloading else { return nil }
        let isRenewed = lastQuestion.map { now.nanoseconds(since: $0) >= watchdogNanoseconds / 4 } ?? true
        let isAnswered = answered > askedBefore
        guard now.nanoseconds(since: alive) >= watchdogNanoseconds / 4, isRenewed, !isAnswered,
            asked - answered < UInt64(Limits.serviceQuestions)
        else { return nil }
        asked += 1
        lastQuestion = now
        return asked
    }

    /// A question was answered.
    mutating func answer(_ number: UInt64) {
        answered = max(answered, min(number, asked))
    }

    // MARK: What is told

    /// What is to be told now; `nil` if nothing is.
    ///
    /// The same is returned again until ``sent(_:now:)`` is called with it.
    ///
    /// - Parameters:
    ///   - now: when.
    ///   - progress: how far the watch has come; `nil` where only a change of phase is to be told.
    func next(now: MonotonicInstant, progress: WatchProgress?) -> Notice? {
        if let text = unsent.first { return Notice(subject: .phase, text: text) }
        guard let progress, phase == .running || phase == .reloading else { return nil }
        if let watchdogNanoseconds, answered > askedBefore, progress.isAnyLookedAt,
            now.nanoseconds(since: alive) >= watchdogNanoseconds / 2
        {
            return Notice(subject: .alive, text: "WATCHDOG=1")
        }
        let isStatusDue = status.map {
            $0.text != progress.text && now.nanoseconds(since: $0.sent) >= Self.statusNanoseconds
        }
        return isStatusDue ?? true ? Notice(subject: .status, text: "STATUS=\(progress.text)") : nil
    }

    /// The manager was told.
    mutating func sent(_ notice: Notice, now: MonotonicInstant) {
        switch notice.subject {
        case .phase:
            if unsent.first == notice.text { unsent.removeFirst() }
        case .status:
            status = (String(notice.text.dropFirst("STATUS=".count)), now)
        case .alive:
            alive = now
            askedBefore = asked
            lastQuestion = nil
        }
    }

    /// When to ask for what is to be told at the latest; `nil` if there is no hurry.
    func nextLook(now: MonotonicInstant) -> MonotonicInstant? {
        guard let watchdogNanoseconds, phase == .running || phase == .reloading else { return nil }
        let isAsked = asked > askedBefore
        let due = alive.advanced(byNanoseconds: isAsked ? watchdogNanoseconds / 2 : watchdogNanoseconds / 4)
        if due > now { return due }
        return now.advanced(byNanoseconds: max(watchdogNanoseconds / 8, Self.retryNanosecondsLeast))
    }
}
