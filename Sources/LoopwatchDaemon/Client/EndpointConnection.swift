// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Why an endpoint does not answer as it should.
enum ClientProblem: Error, Equatable {
    /// It cannot be reached, or the connection was lost: worth another try.
    case connection(String)
    /// It answered with another status than 200.
    case status(Int, String)
    /// What it answered is no answer of an endpoint.
    case answer(String)
    /// Something else that is waited for came first.
    case interrupted

    /// A sentence without its end.
    var text: String {
        switch self {
        case .connection(let reason), .answer(let reason): reason
        case .status(let status, let text): "it answered \(status)\(text.isEmpty ? "" : ": \(text)")"
        case .interrupted: "it was interrupted"
        }
    }
}

/// A connection to an endpoint, for one question.
///
/// Belongs to one thread. Whatever it waits for ends at a deadline, and earlier if the descriptor becomes readable that it
/// was given for that.
struct EndpointConnection: ~Copyable {
    private let descriptor: CInt
    private let interrupt: Interrupt
    private var reader = HTTPResponseReader()
    private var parts: [HTTPResponseReader.Part] = []

    /// Time in which a connection must come about and a question be sent, in nanoseconds.
    static let connectNanoseconds: Int64 = 5_000_000_000

    /// Connects, and asks for a path.
    ///
    /// - Parameters:
    ///   - location: whom to ask.
    ///   - path: what for, with its query.
    ///   - headers: further fields of the request.
    ///   - interrupt: what ends every wait early.
    init(
        _ location: EndpointLocation,
        path: String,
        headers: [(name: String, value: String)] = [],
        interrupt: Interrupt
    ) throws(ClientProblem) {
        let deadline = Clock.now().advanced(byNanoseconds: Self.connectNanoseconds)
        var request = "GET \(location.prefix)\(path) HTTP/1.1\r\nHost: \(location.hostField)\r\n"
        request += "User-Agent: loopwatch\r\n"
        for header in headers { request += "\(header.name): \(header.value)\r\n" }
        request += "Connection: close\r\n\r\n"
        let descriptor = try ClientSocket.connect(location.peer, until: deadline, interrupt: interrupt)
        do throws(ClientProblem) {
            try ClientSocket.send(Array(request.utf8), to: descriptor, until: deadline, interrupt: interrupt)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.interrupt = interrupt
    }

    deinit { close(descriptor) }

    /// The next part of the answer; `nil` if none came until the deadline.
    mutating func next(until deadline: MonotonicInstant) throws(ClientProblem) -> HTTPResponseReader.Part? {
        var buffer: [UInt8] = []
        while parts.isEmpty {
            if reader.isOver { return .end }
            guard try ClientSocket.wait(descriptor, POLLIN, until: deadline, interrupt: interrupt) else { return nil }
            if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 65_536) }
            let count = retryingInterrupted {
                buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            }
            if count < 0, errno == EAGAIN { continue }
            guard count >= 0 else { throw .connection("\(SystemError(operation: "the connection is broken: recv"))") }
            do throws(HTTPResponseReader.Problem) {
                parts = count == 0 ? try reader.end() : try reader.add(buffer[..<count])
            } catch {
                throw error == .cutOff ? .connection("\(error)") : .answer("\(error)")
            }
        }
        return parts.removeFirst()
    }

    /// Waits for the head; makes sure that the answer is what was asked for.
    ///
    /// - Returns: the fields of the head.
    mutating func head(until deadline: MonotonicInstant) throws(ClientProblem) -> [String: String] {
        guard case .head(let status, let fields)? = try next(until: deadline) else {
            throw .connection("it does not answer in time")
        }
        guard status == 200 else {
            let body = (try? body(until: deadline)) ?? []
            let text = String(decoding: body.prefix(400), as: UTF8.self).split(separator: "\n").first.map(String.init)
            throw .status(status, SafeText.line(text ?? ""))
        }
        return fields
    }

    /// The rest of the answer.
    mutating func body(until deadline: MonotonicInstant) throws(ClientProblem) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            switch try next(until: deadline) {
            case nil: throw .connection("the answer did not come in time")
            case .end: return body
            case .head: break
            case .body(let piece):
                body += piece
                guard body.count <= Limits.answerBytes else {
                    throw .answer("the answer is longer than \(Limits.answerBytes) bytes")
                }
            }
        }
    }

    /// Asks for a document and reads it.
    static func get(
        _ location: EndpointLocation,
        path: String,
        until deadline: MonotonicInstant,
        interrupt: Interrupt
    ) throws(ClientProblem) -> [UInt8] {
        var connection = try EndpointConnection(location, path: path, interrupt: interrupt)
        _ = try connection.head(until: deadline)
        return try connection.body(until: deadline)
    }
}
