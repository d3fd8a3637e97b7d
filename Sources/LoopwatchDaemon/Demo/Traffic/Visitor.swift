// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform
internal import Synchronization

/// Someone who asks for what is answered at once, again and again: the traffic that suffers from the blocks.
final class Visitor: Sendable {
    private let ports: [UInt16]
    private let rest: Rest
    private let thread = Mutex<OwnThread?>(nil)

    /// Time between two rounds over the loops, in nanoseconds.
    private static let pauseNanoseconds: Int64 = 100_000_000

    /// Creates a visitor of loops.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(ports: [UInt16]) throws {
        self.ports = ports
        rest = try Rest()
    }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: "demo-visitor") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Ends the thread once the request that is out has been answered; later calls do nothing.
    func stop() {
        rest.end()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        while !rest.isOver {
            for port in ports {
                for path in ["/hello", "/report"] where !rest.isOver {
                    // A request that fails is tried again in the next round: the demo does not live by it.
                    if let client = try? DemoClient(port: port) { _ = try? client.ask(path) }
                }
            }
            rest.sleep(nanoseconds: Self.pauseNanoseconds)
        }
    }
}
