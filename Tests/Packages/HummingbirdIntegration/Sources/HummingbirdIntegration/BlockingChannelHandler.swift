// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// A handler in the pipeline that does too much: it sleeps or computes in `channelRead`.
///
/// An access log or a session store may do so. `channelRead` runs on the event loop in any server; no executor setting can move it.
final class BlockingChannelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let monitor: BlockMonitor
    private let names: LoopNames

    /// Creates a handler that measures its blocks.
    init(monitor: BlockMonitor, names: LoopNames) {
        self.monitor = monitor
        self.names = names
    }

    /// Passes everything on, and before the head of a request for `/block-read` sleeps, for `/churn-read` computes.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            let name = names.name(of: context.eventLoop)
            switch head.path {
            case "/block-read": _ = monitor.measure(name) { usleep(Block.sleepMicroseconds) }
            case "/churn-read": _ = monitor.measure(name) { _ = Block.churn(for: Block.churning) }
            default: break
            }
        }
        context.fireChannelRead(data)
    }
}
