// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Everything that one connection decides; it reads no socket and no clock, but is told what happened and when.
///
/// The driver tells it events, then takes steps from ``nextStep(at:)`` until there is nothing more to do.
struct HTTPConnectionState: Sendable {
    /// What the driver has to do next.
    enum Step: Sendable {
        /// Have the request answered, and give the answer to ``answer(_:at:)``.
        case respond(to: HTTPRequest)
        /// Count a refusal, whose answer is on its way.
        case rejected(HTTPRejection)
        /// Write what is pending, and tell how that went.
        case write
        /// Ask the stream, and give its answer to ``append(_:at:)``.
        case askStream(capacityBytes: Int)
        /// Tell the client that nothing more comes.
        case shutDownWriting
        /// Wait for an event or the deadline.
        case wait
        /// Close the connection.
        case close
        /// Close the connection, since the client of a stream fell behind.
        case cutOffStream
    }

    /// What the connection is doing.
    enum Phase: Sendable, Equatable {
        /// Waiting for a request, or for the rest of one.
        case readingHead
        /// Waiting for the responder.
        case responding
        /// Writing an answer, after which the connection stays open or not.
        case answering(keepsAlive: Bool)
        /// Writing a body that goes on.
        case streaming
        /// Waiting for the client to read the answer and close.
        case lingering
        /// Over.
        case closed
    }

    /// The bounds.
    let limits: HTTPLimits
    /// Decides on requests.
    let policy: HTTPRequestPolicy
    /// What the connection is doing.
    var phase = Phase.readingHead
    /// What is on its way to the client.
    var output = OutputBuffer()
    /// When the phase is over at the latest; a stream has deadlines of its own.
    var deadline: MonotonicInstant
    /// The most that any deadline may be, once the server stops.
    var stopDeadline: MonotonicInstant?
    /// Reads the request that is coming or was the last to come.
    var parser: HTTPHeadParser
    /// What was read but belongs to a later request.
    var input: [UInt8] = []
    /// Whether the deadline for a head runs, and not the one for an idle connection.
    var headDeadlineRuns = true
    /// Requests whose head was complete.
    var requestsBegun = 0
    /// The request that is being answered.
    var admission: HTTPRequestPolicy.Admission?
    /// Whether the client sends nothing more.
    var hasEnded = false
    /// Whether the kernel took no more bytes.
    var isWriteBlocked = false
    /// Bytes that came after the last answer.
    var lingeredBytes = 0
    /// What is known of the stream, while there is one.
    var stream = HTTPStreamState()

    /// Begins with a connection that was just accepted.
    init(at now: MonotonicInstant, policy: HTTPRequestPolicy) {
        self.policy = policy
        limits = policy.limits
        deadline = now.advanced(by: policy.limits.headDeadline)
        parser = HTTPHeadParser(limits: policy.limits)
    }

    /// Decides what is next; the driver asks again until the answer is ``Step/wait`` or a way of closing.
    mutating func nextStep(at now: MonotonicInstant) -> Step {
        switch phase {
        case .readingHead: nextStepReading(at: now)
        case .responding: .wait
        case .answering(let keepsAlive): nextStepAnswering(keepsAlive: keepsAlive, at: now)
        case .streaming: nextStepStreaming(at: now)
        case .lingering:
            hasEnded || now >= deadline || lingeredBytes > limits.lingerBytes ? close() : .wait
        case .closed: .close
        }
    }

    /// Refuses the client, or what it asks.
    mutating func reject(_ rejection: HTTPRejection, at now: MonotonicInstant) {
        beginAnswer(rejection.response, body: rejection.response.body, keepsAlive: false, at: now)
    }

    /// Gives the responder's answer; returns the status code that the client gets.
    mutating func answer(_ response: HTTPResponse, at now: MonotonicInstant) -> Int {
        guard case .stream = response.body else {
            if case .bytes(let body) = response.body, body.count > limits.answerBytes {
                let failure = HTTPRejection(500, .limit, "the answer is longer than \(limits.answerBytes) bytes")
                reject(failure, at: now)
                return failure.status
            }
            beginAnswer(response, body: response.body, keepsAlive: keepsAlive, at: now)
            return response.status
        }
        beginStream(response, at: now)
        return response.status
    }

    /// Whether the client and the bounds let the connection go on after this answer.
    private var keepsAlive: Bool {
        admission?.keepsAlive == true && requestsBegun < limits.requestsEachConnection && stopDeadline == nil
    }

    private mutating func beginAnswer(
        _ response: HTTPResponse,
        body: HTTPBody,
        keepsAlive: Bool,
        at now: MonotonicInstant
    ) {
        let bytes: [UInt8] = if case .bytes(let bytes) = body { bytes } else { [] }
        var persistence = HTTPResponseEncoder.Persistence.closed
        if keepsAlive { persistence = admission?.isVersion11 == true ? .keptAlive : .keptAliveAsAsked }
        output.append(
            HTTPResponseEncoder.head(of: response, framing: .length(bytes.count), persistence: persistence)
        )
        if !parser.isHeadMethod { output.append(bytes) }
        phase = .answering(keepsAlive: keepsAlive)
        setDeadline(after: limits.answerDeadline, at: now)
    }

    /// Sets the deadline of a phase that begins now.
    mutating func setDeadline(after duration: Duration, at now: MonotonicInstant) {
        deadline = now.advanced(by: duration)
        if let stopDeadline { deadline = min(deadline, stopDeadline) }
    }

    /// Ends the connection.
    mutating func close() -> Step {
        phase = .closed
        return .close
    }
}

// MARK: Reading and answering

extension HTTPConnectionState {
    private mutating func nextStepReading(at now: MonotonicInstant) -> Step {
        if !input.isEmpty {
            let (consumed, verdict) = parser.parse(input[...])
            input.removeFirst(consumed)
            switch verdict {
            case .incomplete: break
            case .rejected(let rejection): return rejecting(rejection, at: now)
            case .complete(let head): return admit(head, at: now)
            }
        }
        if hasEnded { return close() }
        guard now >= deadline else { return .wait }
        // A client that sent nothing asked nothing: a browser that connects in advance, or an idle connection.
        guard parser.hasBegun else { return close() }
        let explanation = "the request did not come within \(limits.headDeadline.components.seconds) seconds"
        return rejecting(HTTPRejection(408, .timeout, explanation), at: now)
    }

    private mutating func admit(_ head: HTTPHead, at now: MonotonicInstant) -> Step {
        requestsBegun += 1
        do {
            let admission = try policy.decide(head)
            self.admission = admission
            phase = .responding
            return .respond(to: admission.request)
        } catch {
            return rejecting(error, at: now)
        }
    }

    private mutating func rejecting(_ rejection: HTTPRejection, at now: MonotonicInstant) -> Step {
        reject(rejection, at: now)
        return .rejected(rejection)
    }

    private mutating func nextStepAnswering(keepsAlive: Bool, at now: MonotonicInstant) -> Step {
        guard output.isEmpty else {
            if now >= deadline { return close() }
            return isWriteBlocked ? .wait : .write
        }
        guard keepsAlive, stopDeadline == nil else { return linger(at: now) }
        phase = .readingHead
        parser = HTTPHeadParser(limits: limits)
        admission = nil
        // What is here already of the next request came when this one was answered at the latest.
        headDeadlineRuns = !input.isEmpty
        setDeadline(after: headDeadlineRuns ? limits.headDeadline : limits.idleDeadline, at: now)
        return nextStepReading(at: now)
    }

    /// Says that nothing more comes, and waits for the client to read what was written.
    mutating func linger(at now: MonotonicInstant) -> Step {
        phase = .lingering
        input = []
        setDeadline(after: limits.lingerDeadline, at: now)
        return .shutDownWriting
    }
}
