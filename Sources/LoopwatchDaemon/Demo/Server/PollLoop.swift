// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchPlatform
internal import Synchronization

/// An event loop as servers have them: one thread that waits for sockets and for closures, and does whatever comes.
final class PollLoop: Sendable {
    /// Answers a request; the answer may be given later and on any thread.
    typealias Handler = @Sendable (DemoRequest, _ answer: @escaping @Sendable (DemoResponse) -> Void) -> Void

    private struct Inbox {
        var closures: [@Sendable () -> Void] = []
        var answers: [(connection: UInt64, response: DemoResponse)] = []
    }

    /// The loop's name, and its thread's.
    let name: String
    /// Where the loop listens on the loopback.
    let port: UInt16
    private let listener: ListeningSocket
    private let wake: WakeSignal
    private let handler: Handler
    private let inbox = Mutex(Inbox())
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnThread?>(nil)

    private static let connectionsMaximum = 64
    private static let receiveBytes = 256 << 10

    /// Opens the loop's sockets; nothing is served before ``start()``.
    ///
    /// - Throws: ``SystemError`` when one cannot be had.
    init(name: String, handler: @escaping Handler) throws {
        self.name = name
        self.handler = handler
        listener = try ListeningSocket(address: .tcp(host: "127.0.0.1", port: 0), backlog: 16)
        guard case .tcp(_, let port) = listener.address else {
            throw SystemError(operation: "bind \(listener.address)", code: SystemError.stopped)
        }
        self.port = port
        wake = try WakeSignal()
    }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: name, blocksSignals: false) { self.runLoop() }
        thread.withLock { $0 = started }
    }

    /// Ends the thread, waits for it, and closes the sockets; later calls do nothing.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        thread.withLock { $0.take() }?.join()
        listener.close()
    }

    /// Runs a closure on the loop, after those that were handed in before.
    func execute(_ closure: @escaping @Sendable () -> Void) {
        inbox.withLock { $0.closures.append(closure) }
        wake.wake()
    }

    private func answer(_ connection: UInt64, _ response: DemoResponse) {
        inbox.withLock { $0.answers.append((connection, response)) }
        wake.wake()
    }

    // MARK: The loop's thread

    @inline(never)
    private func runLoop() {
        var connections: [LoopConnection] = []
        var accepted: UInt64 = 0
        var waits = PollSet()
        var buffer = [UInt8](repeating: 0, count: Self.receiveBytes)
        while !isStopping.load(ordering: .acquiring) {
            waits.removeAll()
            let wakeIndex = waits.add(wake.descriptor, reading: true, writing: false)
            let listenerIndex = waits.add(
                listener.descriptor,
                reading: connections.count < Self.connectionsMaximum,
                writing: false
            )
            let indices = connections.map { waits.add($0.descriptor, reading: true, writing: $0.hasOutput) }
            waits.wait(milliseconds: -1)
            if waits.readiness(at: wakeIndex).readable { wake.clear() }
            for (position, index) in indices.enumerated() {
                let readiness = waits.readiness(at: index)
                if readiness.writable { connections[position].flush() }
                if readiness.readable || readiness.broken { serve(&connections[position], &buffer) }
            }
            if waits.readiness(at: listenerIndex).readable, case .connection(let socket) = listener.accept() {
                accepted += 1
                connections.append(LoopConnection(identifier: accepted, socket: socket))
            }
            runInbox(&connections)
            connections.removeAll { $0.isClosed }
        }
        for index in connections.indices { connections[index].close() }
    }

    private func serve(_ connection: inout LoopConnection, _ buffer: inout [UInt8]) {
        let identifier = connection.identifier
        for request in connection.receive(into: &buffer) {
            handler(request) { self.answer(identifier, $0) }
        }
    }

    private func runInbox(_ connections: inout [LoopConnection]) {
        let taken = inbox.withLock { inbox in
            defer { inbox = Inbox() }
            return inbox
        }
        for closure in taken.closures { closure() }
        for (identifier, response) in taken.answers {
            guard let index = connections.firstIndex(where: { $0.identifier == identifier }) else { continue }
            if !connections[index].isClosed { connections[index].send(response) }
        }
    }
}
