// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What is asked for: a path, and for how many seconds.
struct Request: Sendable {
    var path: String
    var seconds: Double

    /// Takes the target of an HTTP/1.1 request line, such as `/sleep?seconds=0.1` (RFC 9112, 3).
    init(target: Substring) {
        let parts = target.split(separator: "?", maxSplits: 1)
        path = String(parts.first?.dropFirst() ?? "")
        let value = parts.dropFirst().first.flatMap { $0.split(separator: "=").last }
        seconds = value.flatMap { Double($0) } ?? 0
    }
}

/// Cuts what is read into requests; those have no body.
struct RequestDecoder: ByteToMessageDecoder {
    typealias InboundOut = Request
    private static let end = Array("\r\n\r\n".utf8)

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let view = buffer.readableBytesView
        guard let end = view.firstRange(of: Self.end) else { return .needMoreData }
        let head = String(decoding: view[..<end.lowerBound], as: UTF8.self)
        buffer.moveReaderIndex(to: end.upperBound)
        let fields = head.prefix { $0 != "\r\n" }.split(separator: " ")
        context.fireChannelRead(wrapInboundOut(Request(target: fields.count > 1 ? fields[1] : "")))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState { try decode(context: context, buffer: &buffer) }
}
