// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The command `loopwatch tail`: prints the warnings of an endpoint as they come, until a signal comes or the time is up.
struct TailCommand {
    let options: TailOptions
    let output: Console

    /// A stream without a sign of life for so long is taken for lost: the endpoint sends one every 15 seconds, in
    /// nanoseconds.
    private static let silenceNanoseconds: Int64 = 45_000_000_000
    /// Warnings to begin with, if nothing is said.
    private static let limitDefault = 10
    /// Time in which a document must come, in nanoseconds.
    private static let answerNanoseconds: Int64 = 10_000_000_000

    /// Follows.
    ///
    /// - Throws: ``CommandError`` when the endpoint cannot be reached at first, or is none.
    func run() throws(CommandError) {
        let inbox: SignalInbox
        do { inbox = try SignalInbox([SIGINT, SIGTERM, SIGHUP]) } catch { throw .unavailable("\(error).") }
        var start: WarningIdentifier?
        if case .after(let identifier)? = options.since { start = identifier }
        var follower = TailFollower(
            session: TailSession(after: start, severity: options.severity),
            options: options,
            output: output,
            inbox: inbox,
            deadline: options.duration.map { Clock.now().advanced(byNanoseconds: $0.wholeNanoseconds) }
        )
        try follower.run(
            limit: options.limit ?? (options.since == nil ? Self.limitDefault : Limits.warningsKept),
            answerNanoseconds: Self.answerNanoseconds,
            silenceNanoseconds: Self.silenceNanoseconds
        )
    }
}

/// Does what a ``TailSession`` decides.
private struct TailFollower: ~Copyable {
    var session: TailSession
    let options: TailOptions
    let output: Console
    let inbox: SignalInbox
    let deadline: MonotonicInstant?
    private let errors = Console(.standardError)
    private let isClosed = Flag()
    private var backoff = Backoff()
    private var lostAt: MonotonicInstant?

    init(
        session: TailSession,
        options: TailOptions,
        output: Console,
        inbox: SignalInbox,
        deadline: MonotonicInstant?
    ) {
        self.session = session
        self.options = options
        self.output = output
        self.inbox = inbox
        self.deadline = deadline
        let isClosed = isClosed
        output.onClose { isClosed.raise() }
    }

    mutating func run(limit: Int, answerNanoseconds: Int64, silenceNanoseconds: Int64) throws(CommandError) {
        var hasConnected = false
        while !isOver {
            do throws(ClientProblem) {
                try connect(limit: limit, answerNanoseconds: answerNanoseconds)
                hasConnected = true
                try follow(answerNanoseconds: answerNanoseconds, silenceNanoseconds: silenceNanoseconds)
            } catch {
                if error == .interrupted { continue }
                guard hasConnected else {
                    if isOver { return }
                    throw .unavailable("\(options.location): \(error.text).")
                }
                if lostAt == nil {
                    lostAt = Clock.now()
                    say("the connection to \(options.location) is lost: \(error.text); trying again")
                }
                pause(nanoseconds: backoff.next())
            }
        }
    }

    /// Whether it is time to end: a signal came, the time is up, or nobody reads any more.
    private var isOver: Bool {
        if isClosed.isRaised { return true }
        if let deadline, Clock.now() >= deadline { return true }
        return inbox.hasPending || interrupt.hasCome
    }

    /// A signal, and that nobody reads any more: without that, `tail URL | head -1` would go on until the next warning.
    private var interrupt: Interrupt { Interrupt(readable: inbox.descriptor, written: STDOUT_FILENO) }

    private func say(_ text: String) { errors.line("loopwatch: \(text).") }

    private func until(nanoseconds: Int64) -> MonotonicInstant {
        let end = Clock.now().advanced(byNanoseconds: nanoseconds)
        return deadline.map { min($0, end) } ?? end
    }

    private func pause(nanoseconds: Int64) {
        let left = until(nanoseconds: nanoseconds).nanoseconds(since: Clock.now())
        _ = interrupt.wait(milliseconds: CInt(clamping: max(0, (left + 999_999) / 1_000_000)))
    }

    /// Finds out which run of the server it is; at first also prints the latest warnings.
    private mutating func connect(limit: Int, answerNanoseconds: Int64) throws(ClientProblem) {
        let document = try EndpointConnection.get(
            options.location,
            path: TailSession.documentPath,
            until: until(nanoseconds: answerNanoseconds),
            interrupt: interrupt
        )
        guard let value = JSON5Value(json: document), let actions = session.opened(value) else {
            throw .answer("what answers is no endpoint of Loopwatch")
        }
        if let lostAt {
            say("connected again, after \(TimeSpan.text(Clock.now().nanoseconds(since: lostAt)))")
            self.lostAt = nil
        }
        perform(actions)
        guard !session.hasBegun else { return }
        var since: String?
        if case .last(let duration)? = options.since { since = duration }
        let beginning = try EndpointConnection.get(
            options.location,
            path: session.beginningPath(limit: limit, since: since),
            until: until(nanoseconds: answerNanoseconds),
            interrupt: interrupt
        )
        for line in beginning.split(separator: 0x0A) where limit > 0 {
            guard let value = JSON5Value(json: line) else { continue }
            perform(session.beginning(value), line)
        }
        session.began()
    }

    /// Prints what comes until the stream ends.
    private mutating func follow(answerNanoseconds: Int64, silenceNanoseconds: Int64) throws(ClientProblem) {
        var stream = try EndpointConnection(
            options.location,
            path: session.streamPath,
            headers: [(name: "Accept", value: "application/x-ndjson")],
            interrupt: interrupt
        )
        _ = try stream.head(until: until(nanoseconds: answerNanoseconds))
        var splitter = LineSplitter(limit: Limits.answerBytes)
        while !isClosed.isRaised {
            let end = until(nanoseconds: silenceNanoseconds)
            switch try stream.next(until: end) {
            case nil:
                if let deadline, end >= deadline { return }
                throw .connection("there was no sign of life for \(silenceNanoseconds / 1_000_000_000) s")
            case .head: break
            case .end: throw .connection("the server ended the stream")
            case .body(let piece):
                backoff.reset()
                splitter.add(piece[...]) { line in
                    guard let line, !line.isEmpty else { return }
                    guard let value = JSON5Value(json: line) else {
                        return say("a line of the stream is no JSON, and is left out")
                    }
                    perform(session.line(value), line)
                }
            }
        }
    }

    private func perform(_ actions: [TailSession.Action], _ line: ArraySlice<UInt8> = []) {
        for action in actions {
            switch action {
            case .say(let text): say(text)
            case .print(let warning):
                if options.isJSON {
                    output.line(String(decoding: line, as: UTF8.self))
                } else if let text = WarningLine.text(of: warning) {
                    output.line(text)
                }
            }
        }
    }
}

/// Something that one thread says to another, once.
final class Flag: Sendable {
    private let storage = Atomic(false)

    /// Whether it was said.
    var isRaised: Bool { storage.load(ordering: .acquiring) }

    /// Says it.
    func raise() { storage.store(true, ordering: .releasing) }
}
