// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Loopwatch
internal import NIOCore
internal import NIOPosix

/// The threads that programs are run on, one set for the whole corpus.
final class Places: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let queue = DispatchQueue(label: "corpus")
    private let loop: any EventLoop
    private let actor: LoopActor

    init() {
        loop = group.next()
        actor = LoopActor(loop)
    }

    /// Ends the threads that are the corpus's own.
    func stop() { try? group.syncShutdownGracefully() }

    /// What Loopwatch watches, for a target name.
    var targets: [WatchTarget] {
        [
            .loop(Place.eventLoop.target) { [loop] work in loop.execute(work) },
            .queue(Place.dispatchQueue.target, queue),
            .mainActor(Place.mainActor.target),
            .globalExecutor(Place.swiftPool.target),
        ]
    }

    /// Runs the programs, all at once; one, but for a pool, of which every thread must be held.
    ///
    /// - Parameters:
    ///   - programs: what to run.
    ///   - place: where.
    ///   - willBlock: called on the thread that is about to be blocked.
    ///   - finished: called there afterwards.
    func run(
        _ programs: [any BlockingProgram],
        at place: Place,
        willBlock: @escaping @Sendable () -> Void,
        finished: @escaping @Sendable (Outcome) -> Void
    ) {
        for program in programs {
            let handle: @Sendable () -> Void = {
                willBlock()
                finished(program.handle())
            }
            switch place {
            case .eventLoop: loop.execute(handle)
            case .dispatchQueue: queue.async(execute: handle)
            case .mainActor: Task { @MainActor in handle() }
            case .mainActorAsync:
                Task { @MainActor in
                    willBlock()
                    finished(await MainActorHandlers.handleRefresh(program))
                }
            case .eventLoopActor:
                Task { [actor] in
                    willBlock()
                    finished(await actor.handleMessage(program))
                }
            case .swiftPool:
                Task {
                    willBlock()
                    finished(await PoolHandlers.handleBasket(program))
                }
            }
        }
    }
}
