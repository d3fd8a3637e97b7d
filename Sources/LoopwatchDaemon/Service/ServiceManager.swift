// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The service manager that started this program, as systemd does with `Type=notify`; without one nothing happens.
///
/// Belongs to the command's thread. Nothing here waits: what cannot be told now is tried again at the next look.
struct ServiceManager: ~Copyable {
    /// The newest question that was answered, on whichever thread.
    private final class Answers: Sendable {
        private let newest = Atomic<UInt64>(0)

        func note(_ number: UInt64) { newest.max(number, ordering: .releasing) }

        var latest: UInt64 { newest.load(ordering: .acquiring) }
    }

    private let sender: DatagramSender?
    private var notices: ServiceNotices
    /// What is to be said at the next look.
    private var problem: String?
    /// Whether the last try failed, which is said once.
    private var hasFailed = false
    private let answers = Answers()
    private let started = Clock.now()
    private var standing: [String] = []
    /// Lateness of a watching thread that is told, in nanoseconds.
    private let standingNanoseconds: Int64

    /// Time after which the service is ready in any case: a process that takes long to be read holds up no other, in
    /// nanoseconds.
    private static let startNanosecondsMost: Int64 = 5_000_000_000
    /// Time between looks as long as it starts, in nanoseconds.
    private static let startLookNanoseconds: Int64 = 20_000_000
    private static let standingNanosecondsMost: Int64 = 15_000_000_000

    /// Takes what the service manager says out of the environment, which programs that are started here then do not have.
    ///
    /// To be called before the process has started any other thread.
    static func take() -> ServiceManager {
        let variables = ProcessEnvironment.take(ServiceSettings.variables)
        return ServiceManager(ServiceSettings(environment: variables, process: getpid()))
    }

    /// Creates what speaks to the manager; `nil` where there is none.
    init(_ settings: ServiceSettings?) {
        var sender: DatagramSender?
        if let settings {
            do {
                sender = try DatagramSender(to: settings.socket)
            } catch {
                problem = Self.text(error)
            }
        }
        self.sender = sender
        let watchdog = sender == nil ? nil : settings?.watchdogNanoseconds
        notices = ServiceNotices(watchdogNanoseconds: watchdog)
        standingNanoseconds = min(Self.standingNanosecondsMost, (watchdog ?? .max) / 2)
    }

    /// The service begins to take up its configuration again; the next ``look(_:prove:say:)`` ends it.
    mutating func reload() {
        notices.reload(now: Clock.now())
        if let failure = send(nil) { problem = failure }
    }

    /// The service begins to end.
    mutating func stop() {
        notices.stop()
        _ = send(nil)
    }

    /// Tells what is to be told now; returns when to look again at the latest.
    ///
    /// - Parameters:
    ///   - progress: how far the watch has come; asked with the lateness of a thread, in nanoseconds, that counts as hanging.
    ///   - prove: calls back once what does the work has gone round.
    ///   - say: takes a line for whoever started the program.
    mutating func look(
        _ progress: (Int64) -> WatchProgress,
        prove: (_ done: @escaping @Sendable () -> Void) -> Void,
        say: (String) -> Void
    ) -> MonotonicInstant? {
        if let problem {
            say(problem)
            self.problem = nil
        }
        guard sender != nil else { return nil }
        let progress = progress(standingNanoseconds)
        for name in progress.standing where !standing.contains(name) {
            say("\(name) is not looked at: its watch has been held up for \(standingNanoseconds / 1_000_000) ms")
        }
        standing = progress.standing
        let now = Clock.now()
        let isLate = now.nanoseconds(since: started) >= Self.startNanosecondsMost
        if notices.phase == .reloading || progress.unseen == 0 || isLate { notices.ready(now: now) }
        if let number = notices.question(now: now) {
            let answers = answers
            prove { answers.note(number) }
        }
        notices.answer(answers.latest)
        if let failure = send(progress) { say(failure) }
        guard notices.phase != .starting else { return now.advanced(byNanoseconds: Self.startLookNanoseconds) }
        return notices.nextLook(now: Clock.now())
    }

    /// Sends what is due; returns what is to be said of a failure, once.
    private mutating func send(_ progress: WatchProgress?) -> String? {
        guard let sender else { return nil }
        while let notice = notices.next(now: Clock.now(), progress: progress) {
            do {
                try sender.send(notice.text)
                notices.sent(notice, now: Clock.now())
            } catch {
                defer { hasFailed = true }
                return hasFailed ? nil : Self.text(error)
            }
        }
        hasFailed = false
        return nil
    }

    private static func text(_ error: any Error) -> String {
        "the service manager cannot be told how it goes: \(error)"
    }
}
