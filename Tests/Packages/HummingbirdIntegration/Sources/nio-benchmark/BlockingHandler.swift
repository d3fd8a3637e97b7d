// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Blocks the event loop as often as a byte comes, as a handler does that calls a synchronous driver, and answers.
final class BlockingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let next: NextBlock

    /// Creates a handler that is told how to block.
    init(_ next: NextBlock) { self.next = next }

    /// Blocks, and sends the byte back.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        next.run()
        context.writeAndFlush(data, promise: nil)
    }
}
