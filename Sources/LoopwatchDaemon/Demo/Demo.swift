// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchPlatform
internal import Synchronization

/// The server of the demo: two loops, a pool, what they serve, and those who ask them.
final class Demo: Sendable {
    private let application: DemoApplication
    private let loops: [PollLoop]
    private let pool: WorkerPool
    private let announce: @Sendable (String) -> Void
    private let lengths: BlockLengths
    private let clients = Mutex<(visitor: Visitor, troublemaker: Troublemaker)?>(nil)

    /// Names of the loops.
    static let loopNames = ["http-0", "http-1"]
    /// Threads of the pool.
    static let poolSize = 4

    /// Opens the sockets and starts the loops and the pool; nobody asks them yet.
    ///
    /// - Parameters:
    ///   - lengths: how long the blocks last.
    ///   - announce: told what is about to be done, on a thread of the demo's own.
    /// - Throws: ``SystemError`` when a socket or a thread cannot be had.
    init(lengths: BlockLengths, announce: @escaping @Sendable (String) -> Void) throws {
        self.lengths = lengths
        self.announce = announce
        let pool = try WorkerPool(name: "workers")
        let application = try DemoApplication(lengths: lengths, pool: pool)
        loops = try Self.loopNames.map { name in
            try PollLoop(name: name) { request, answer in application.handle(request, answer) }
        }
        self.pool = pool
        self.application = application
        do {
            try application.start()
            try pool.start(threads: Self.poolSize)
            for loop in loops { try loop.start() }
        } catch {
            stop()
            throw error
        }
    }

    /// Where each loop listens.
    var ports: [(name: String, port: UInt16)] { loops.map { ($0.name, $0.port) } }

    /// Has the watch look at the loops and the pool, and starts those who ask them.
    ///
    /// - Parameters:
    ///   - watch: the watch.
    ///   - drainsGlobalExecutor: whether Swift's global executor is to be blocked as well.
    /// - Throws: ``SystemError`` when a thread cannot be had.
    func start(_ watch: Loopwatch, drainsGlobalExecutor: Bool) throws {
        for loop in loops { watch.add(.loop(loop.name) { loop.execute($0) }) }
        let pool = pool
        watch.add(.pool(pool.name, submit: { pool.submit($0) }, depth: { pool.depth }, size: { pool.size }))
        let visitor = try Visitor(ports: loops.map(\.port))
        let troublemaker = try Troublemaker(
            steps: DemoStep.all(lengths: lengths, drainsGlobalExecutor: drainsGlobalExecutor),
            ports: loops.map(\.port),
            bodyNanoseconds: lengths.parse,
            announce: announce
        )
        clients.withLock { $0 = (visitor, troublemaker) }
        try visitor.start()
        try troublemaker.start()
    }

    /// Ends what blocks on purpose, and the requests; what is being answered is answered.
    func stopTraffic() {
        application.stopWaiting()
        guard let clients = clients.withLock({ $0.take() }) else { return }
        clients.troublemaker.stop()
        clients.visitor.stop()
    }

    /// Ends every thread and closes every socket; later calls do nothing.
    ///
    /// The watch has to be stopped by then.
    func stop() {
        stopTraffic()
        for loop in loops { loop.stop() }
        pool.stop()
        application.stop()
    }
}
