// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// A connection that the server's thread serves: does what its state decides.
final class ServedConnection {
    private let socket: StreamSocket
    private let limits: HTTPLimits
    /// What it decides.
    var state: HTTPConnectionState
    /// What it streams.
    var stream: (any HTTPStream)?
    /// Whether it is one too many, and only open for the client to read that.
    var isRefused = false
    /// Where the poll set tells whether it is ready.
    private(set) var pollIndex = 0
    /// Whether it was interrupted for others to have their turn.
    private(set) var isUnfinished = false
    /// Whether it is closed.
    private(set) var isClosed = false

    /// Takes over a connection.
    init(_ socket: StreamSocket, state: HTTPConnectionState) {
        self.socket = socket
        self.state = state
        limits = state.limits
    }

    /// Waits for what the state waits for.
    func add(to pollSet: inout PollSet) {
        pollIndex = pollSet.add(socket.descriptor, reading: state.wantsReading, writing: state.wantsWriting)
    }

    /// Reads if there is something to read, then does what the state decides.
    func serve(_ readiness: PollSet.Readiness, by loop: HTTPServerLoop) {
        if state.wantsReading {
            if readiness.readable || readiness.broken { receive() }
        } else if readiness.broken {
            state.failed()
        }
        if readiness.writable { state.becameWritable() }
        isUnfinished = false
        for _ in 0..<limits.stepsEachTurn {
            guard perform(state.nextStep(at: Clock.now()), by: loop) else { return }
        }
        isUnfinished = true
    }

    /// Closes the connection, whatever it is doing.
    func close() {
        state.failed()
        stream = nil
        socket.close()
        isClosed = true
    }

    /// Does one step; returns whether there may be another one now.
    private func perform(_ step: HTTPConnectionState.Step, by loop: HTTPServerLoop) -> Bool {
        switch step {
        case .respond(let request):
            loop.respond(to: request, on: self)
        case .rejected(let rejection):
            loop.countRejection(rejection)
        case .write:
            write()
        case .askStream(let capacityBytes):
            ask(capacityBytes: capacityBytes)
        case .shutDownWriting:
            stream = nil
            socket.shutDownWriting()
        case .wait:
            return false
        case .close:
            close()
            return false
        case .cutOffStream:
            loop.countSlowStreamClient()
            stream?.clientFellBehind()
            close()
            return false
        }
        return true
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: limits.readBytes)
        switch socket.receive(into: &buffer) {
        case .moved(let count): state.received(buffer[..<count], at: Clock.now())
        case .ended: state.receivedEnd()
        case .wouldBlock: break
        case .failed: state.failed()
        }
    }

    private func write() {
        switch socket.send(state.output.pending) {
        case .moved(let count): state.wrote(count, at: Clock.now())
        case .wouldBlock: state.writeBlocked()
        case .ended, .failed: state.failed()
        }
    }

    private func ask(capacityBytes: Int) {
        let now = Clock.now()
        let chunk = stream?.next(at: now, capacityBytes: capacityBytes) ?? HTTPStreamChunk(bytes: [], isOver: true)
        state.append(chunk, at: now)
    }
}
