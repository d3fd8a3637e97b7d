// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// A request's context that knows which event loop serves its connection.
struct LoopRequestContext: RequestContext {
    /// What Hummingbird itself keeps of the request.
    var coreContext: CoreRequestContextStorage
    /// The loop of the connection.
    let eventLoop: any EventLoop

    /// Creates the context of a request that came over a channel.
    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        eventLoop = source.channel.eventLoop
    }
}
