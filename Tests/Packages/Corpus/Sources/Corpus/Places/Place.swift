// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The kind of thread that a program blocks.
public enum Place: String, Sendable, CaseIterable {
    /// A NIO event loop, by a closure.
    case eventLoop = "NIO event loop"
    /// A NIO event loop, by the async functions of an actor that runs there.
    case eventLoopActor = "NIO event loop, async"
    /// A serial Dispatch queue.
    case dispatchQueue = "Dispatch queue"
    /// The main actor, by a closure.
    case mainActor = "main actor"
    /// The main actor, by async functions.
    case mainActorAsync = "main actor, async"
    /// Every thread of Swift's pool, by async functions.
    case swiftPool = "Swift's pool, async"

    /// Name of the target.
    public var target: String {
        switch self {
        case .eventLoop, .eventLoopActor: "nio"
        case .dispatchQueue: "queue"
        case .mainActor, .mainActorAsync: "main-actor"
        case .swiftPool: "swift"
        }
    }

    /// Functions that are on the way to the program's innermost one, innermost first; none where the program's own are.
    var asyncCallers: [String] {
        switch self {
        case .eventLoop, .dispatchQueue, .mainActor: []
        case .eventLoopActor: LoopActor.functions
        case .mainActorAsync: MainActorHandlers.functions
        case .swiftPool: PoolHandlers.functions
        }
    }
}
