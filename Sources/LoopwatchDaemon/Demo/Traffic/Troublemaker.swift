// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform
internal import Synchronization

/// Who sends the requests that block the loops and the pool, one kind after another, and says so beforehand.
final class Troublemaker: Sendable {
    private let steps: [DemoStep]
    private let ports: [UInt16]
    private let bodyNanoseconds: Int64
    private let announce: @Sendable (String) -> Void
    private let rest: Rest
    private let thread = Mutex<OwnThread?>(nil)

    /// Before the first block, in nanoseconds.
    private static let firstPauseNanoseconds: Int64 = 700_000_000
    /// Between blocks until each kind has been seen once, in nanoseconds.
    private static let shortPauseNanoseconds: Int64 = 600_000_000
    /// Between blocks from then on, in nanoseconds: mostly all is well.
    private static let longPauseNanoseconds: Int64 = 4_000_000_000

    /// Creates a troublemaker who does nothing yet.
    ///
    /// - Parameters:
    ///   - steps: what to do, in this order, again and again.
    ///   - ports: where the loops listen.
    ///   - bodyNanoseconds: how long the large body is to take to parse.
    ///   - announce: told what is about to be done.
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(
        steps: [DemoStep],
        ports: [UInt16],
        bodyNanoseconds: Int64,
        announce: @escaping @Sendable (String) -> Void
    ) throws {
        self.steps = steps
        self.ports = ports
        self.bodyNanoseconds = bodyNanoseconds
        self.announce = announce
        rest = try Rest()
    }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: "demo-trouble") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Ends the thread once the request that is out has been answered; later calls do nothing.
    func stop() {
        rest.end()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        rest.sleep(nanoseconds: Self.firstPauseNanoseconds)
        var body: [UInt8] = []
        var pause = Self.shortPauseNanoseconds
        while !rest.isOver {
            for step in steps {
                if body.isEmpty, step.requests.contains(where: \.hasBody) {
                    body = OrderImport.body(decodingNanoseconds: bodyNanoseconds)
                }
                guard !rest.isOver else { return }
                perform(step, body: body)
                rest.sleep(nanoseconds: pause)
            }
            pause = Self.longPauseNanoseconds
        }
    }

    private func perform(_ step: DemoStep, body: [UInt8]) {
        let size = step.requests.contains(where: \.hasBody) ? " of \((body.count + 500_000) / 1_000_000) MB" : ""
        announce("\(step.announcement)\(size).")
        for request in step.requests {
            do {
                let answer = try DemoClient(port: ports[request.loop])
                    .ask(request.path, body: request.hasBody ? body : nil)
                if answer.status >= 300 { announce("\(request.path) failed: \(answer.text)") }
            } catch  where !rest.isOver {
                announce("\(request.path) failed: \(error)")
            } catch {
                return
            }
        }
    }
}
