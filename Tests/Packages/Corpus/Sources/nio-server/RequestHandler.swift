// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Answers requests, and blocks its loop where it is told to.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = Request
    typealias OutboundOut = ByteBuffer

    /// Time after which the next short job is due: so soon that it is ready at once, and late enough that the loop waits
    /// for it.
    private static let pause = TimeAmount.microseconds(20)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let request = unwrapInboundIn(data)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let answer: @Sendable () -> Void = { Self.answer(bound.value) }
        switch request.path {
        case "burst": Self.runShortJobs(200, on: context.eventLoop, answer)
        case "tasks": Self.runTasks(200, on: context.eventLoop, answer)
        case "patient":
            context.eventLoop.scheduleTask(in: .nanoseconds(Int64(request.seconds * 1e9)), answer)
        default:
            handle(request)
            answer()
        }
    }

    @inline(never)
    private func handle(_ request: Request) {
        guard let (kind, block) = Blocks.all.first(where: { $0.kind == request.path }) else { return }
        let began = block(request.seconds)
        Truth.tell(kind, began: began)
    }

    /// Many short jobs, each in an iteration of its own: the loop is busy, and never blocked.
    private static func runShortJobs(_ count: Int, on loop: any EventLoop, _ done: @escaping @Sendable () -> Void) {
        _ = Blocks.crunchNumbers(0.001)
        guard count > 1 else { return done() }
        loop.scheduleTask(in: pause) { runShortJobs(count - 1, on: loop, done) }
    }

    /// Many short jobs that NIO runs in one iteration, none of them long.
    private static func runTasks(_ count: Int, on loop: any EventLoop, _ done: @escaping @Sendable () -> Void) {
        let began = Truth.now
        for _ in 1..<count { loop.execute { _ = Blocks.crunchNumbers(0.001) } }
        loop.execute {
            Truth.tell("tasks", began: began)
            done()
        }
    }

    private static func answer(_ context: ChannelHandlerContext) {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
    }
}
