// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// One client of a loop; belongs to the loop's thread.
struct LoopConnection {
    /// The connection's number within the loop.
    let identifier: UInt64
    /// The socket, for waiting on it together with others.
    var descriptor: CInt { socket.descriptor }
    /// Whether the connection is over.
    private(set) var isClosed = false

    private let socket: StreamSocket
    private var parser = DemoRequestParser()
    private var output: ArraySlice<UInt8> = []

    /// Takes over an accepted connection.
    init(identifier: UInt64, socket: StreamSocket) {
        self.identifier = identifier
        self.socket = socket
    }

    /// Whether there is something that the client has not taken yet.
    var hasOutput: Bool { !output.isEmpty }

    /// Takes one piece of what has come, so that no client keeps the loop; returns the requests that it completes.
    mutating func receive(into buffer: inout [UInt8]) -> [DemoRequest] {
        switch socket.receive(into: &buffer) {
        case .moved(let count): parser.append(buffer[..<count])
        case .wouldBlock: return []
        case .ended, .failed:
            close()
            return []
        }
        var requests: [DemoRequest] = []
        do throws(DemoRequestParser.Refusal) {
            while let request = try parser.next() { requests.append(request) }
        } catch {
            send(DemoResponse(status: 400, text: "not understood"))
            close()
        }
        return requests
    }

    /// Sends an answer, as much of it as the client takes now.
    mutating func send(_ response: DemoResponse) {
        output.append(contentsOf: response.bytes)
        flush()
    }

    /// Sends what is still to be sent.
    mutating func flush() {
        while !output.isEmpty {
            switch socket.send(output) {
            case .moved(let count): output.removeFirst(count)
            case .wouldBlock: return
            case .ended, .failed: return close()
            }
        }
    }

    /// Closes the connection; a second call does nothing.
    mutating func close() {
        isClosed = true
        socket.close()
    }
}
