// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// A handler in the pipeline that does too much: it sleeps in `channelRead`, where an access log or a session store may.
///
/// `channelRead` runs on the event loop in any server; no executor setting can move it.
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

    /// Passes everything on, and sleeps before the head of a request for `/block-read`.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.path?.hasPrefix("/block-read") == true {
            _ = monitor.measure(names.name(of: context.eventLoop)) { usleep(Block.sleepMicroseconds) }
        }
        context.fireChannelRead(data)
    }
}
