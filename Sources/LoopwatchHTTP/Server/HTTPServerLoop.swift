// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// The loop of the server's thread: waits, serves whoever is ready, takes new connections.
final class HTTPServerLoop {
    private let shared: HTTPServerShared
    private let limits: HTTPLimits
    private var connections: [ServedConnection] = []
    private var pollSet = PollSet()
    private var spare = SpareDescriptor()
    private var acceptPausedUntil: MonotonicInstant?
    private var stopDeadline: MonotonicInstant?

    /// Creates the loop of a server.
    init(_ shared: HTTPServerShared) {
        self.shared = shared
        limits = shared.policy.limits
    }

    /// Serves until the server is stopped.
    func run() {
        shared.threadBegins()
        var turns = ServingTurns(at: Clock.now())
        while true {
            let now = Clock.now()
            turns.check(at: now)
            if shared.turnBegins(at: now) { stop(at: now) }
            if let stopDeadline, connections.isEmpty || now >= stopDeadline { break }
            shared.responder.turn(at: now)
            turn(at: now)
        }
        for connection in connections { connection.close() }
        connections = []
        shared.counters.connectionsOpen(0)
        shared.listener.close()
    }

    private func turn(at now: MonotonicInstant) {
        pollSet.removeAll()
        let wakeIndex = pollSet.add(shared.wakeSignal.descriptor, reading: true, writing: false)
        if let pausedUntil = acceptPausedUntil, now >= pausedUntil { acceptPausedUntil = nil }
        var listenerIndex: Int?
        if stopDeadline == nil, acceptPausedUntil == nil {
            listenerIndex = pollSet.add(shared.listener.descriptor, reading: true, writing: false)
        }
        for connection in connections { connection.add(to: &pollSet) }
        pollSet.wait(milliseconds: timeoutMilliseconds(at: now))
        if pollSet.readiness(at: wakeIndex).readable { shared.wakeSignal.clear() }
        let areStreamsWoken = shared.takeStreamsWoken()
        for connection in connections {
            if areStreamsWoken { connection.state.streamWoken() }
            connection.serve(pollSet.readiness(at: connection.pollIndex), by: self)
        }
        connections.removeAll { $0.isClosed }
        if let listenerIndex {
            let readiness = pollSet.readiness(at: listenerIndex)
            // A broken listener stays ready for ever: the pause keeps the loop from spinning.
            if readiness.broken { pauseAccepting() } else if readiness.readable { acceptConnections() }
        }
        shared.counters.connectionsOpen(connections.count)
    }

    /// How long the thread may sleep.
    private func timeoutMilliseconds(at now: MonotonicInstant) -> Int32 {
        var deadline: MonotonicInstant? = now.advanced(by: limits.turnMaximum)
        deadline = earlier(earlier(deadline, acceptPausedUntil), stopDeadline)
        for connection in connections {
            if connection.isUnfinished { return 0 }
            deadline = earlier(deadline, connection.state.nextDeadline)
        }
        guard let deadline, deadline > now else { return 0 }
        // Rounded up: a wait that ends too early would only be repeated.
        return Int32(clamping: deadline.nanoseconds(since: now) / 1_000_000 + 1)
    }

    private func stop(at now: MonotonicInstant) {
        guard stopDeadline == nil else { return }
        let deadline = now.advanced(by: limits.stopDeadline)
        stopDeadline = deadline
        shared.listener.close()
        for connection in connections {
            connection.state.stop(until: deadline)
            connection.serve(.none, by: self)
        }
        connections.removeAll { $0.isClosed }
    }

    // MARK: Accepting

    private func acceptConnections() {
        if spare == nil { spare = SpareDescriptor() }
        for _ in 0..<limits.acceptsEachTurn {
            switch shared.listener.accept() {
            case .connection(let socket): admit(socket)
            case .connectionFailed: continue
            case .noneWaiting: return
            case .noDescriptorLeft:
                // An idle connection gives up its descriptor for the new one.
                if !evictOne() { return refuseWithoutDescriptor() }
            case .unavailable: return pauseAccepting()
            }
        }
    }

    private func admit(_ socket: StreamSocket) {
        let now = Clock.now()
        if connections.count(where: { !$0.isRefused }) >= limits.connections, !evictOne() {
            return refuse(socket, at: now)
        }
        connections.append(ServedConnection(socket, state: HTTPConnectionState(at: now, policy: shared.policy)))
    }

    private func refuse(_ socket: StreamSocket, at now: MonotonicInstant) {
        let connection = ServedConnection(socket, state: HTTPConnectionState(at: now, policy: shared.policy))
        connection.isRefused = true
        connection.state.reject(.tooManyConnections, at: now)
        countRejection(.tooManyConnections)
        connection.serve(.none, by: self)
        if connections.count(where: { $0.isRefused }) < limits.refusedConnections {
            if !connection.isClosed { connections.append(connection) }
        } else {
            connection.close()
        }
    }

    /// Closes the connection that loses least: one whose answer is written, else the one that is idle for longest.
    private func evictOne() -> Bool {
        let candidates = connections.filter { !$0.isRefused && ($0.state.phase == .lingering || $0.state.isIdle) }
        let victim = candidates.min { left, right in
            let isLeftDone = left.state.phase == .lingering
            let isRightDone = right.state.phase == .lingering
            return isLeftDone == isRightDone ? left.state.deadline < right.state.deadline : isLeftDone
        }
        guard let victim else { return false }
        victim.close()
        connections.removeAll { $0 === victim }
        return true
    }

    /// Tells one client that the process has no descriptor left, by means of the spare one.
    private func refuseWithoutDescriptor() {
        guard let reserve = spare else { return pauseAccepting() }
        reserve.release()
        spare = nil
        if case .connection(let socket) = shared.listener.accept() {
            let now = Clock.now()
            let connection = ServedConnection(socket, state: HTTPConnectionState(at: now, policy: shared.policy))
            connection.state.reject(.tooManyConnections, at: now)
            countRejection(.tooManyConnections)
            connection.serve(.none, by: self)
            connection.close()
        }
        spare = SpareDescriptor()
        if spare == nil { pauseAccepting() }
    }

    private func pauseAccepting() {
        acceptPausedUntil = Clock.now().advanced(by: limits.acceptPause)
    }
}

// MARK: Answering

extension HTTPServerLoop {
    /// Has a request answered.
    func respond(to request: HTTPRequest, on connection: ServedConnection) {
        let response = shared.responder.respond(to: request)
        let now = Clock.now()
        if case .stream(let stream) = response.body, request.method == .get {
            guard connections.count(where: { $0.stream != nil }) < limits.streams else {
                let rejection = HTTPRejection.tooManyStreams
                connection.state.reject(rejection, at: now)
                shared.counters.answered(handler: response.handler, code: rejection.status)
                shared.counters.rejected(rejection.reason)
                return
            }
            connection.stream = stream
        }
        let code = connection.state.answer(response, at: now)
        shared.counters.answered(handler: response.handler, code: code)
    }

    /// Counts a refusal.
    func countRejection(_ rejection: HTTPRejection) {
        shared.counters.answered(handler: HTTPRejection.handler, code: rejection.status)
        shared.counters.rejected(rejection.reason)
    }

    /// Counts a client of a stream that was cut off.
    func countSlowStreamClient() {
        shared.counters.slowStreamClientCutOff()
    }
}

extension HTTPRejection {
    fileprivate static let tooManyConnections = HTTPRejection(
        503,
        .overload,
        "too many connections are open",
        retryAfterSeconds: 1
    )
    fileprivate static let tooManyStreams = HTTPRejection(
        503,
        .overload,
        "too many streams are open",
        retryAfterSeconds: 5
    )
}
