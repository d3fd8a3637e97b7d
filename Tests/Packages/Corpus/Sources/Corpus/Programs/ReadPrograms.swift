// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads from a pipe that nobody writes to.
final class ReadProgram: BlockingProgram {
    static let way = "read on a pipe"
    static let functions = [
        "ReadProgram.readTemplate(_:)", "ReadProgram.loadTemplate(_:)", "ReadProgram.handlePage(_:)",
    ]
    static let causes = ["syscall:read"]
    static let end = BlockEnd.byRelease
    private let pipe: DescriptorPair

    init(nanoseconds: Int64) throws { pipe = try DescriptorPair.pipe() }

    func handle() -> Outcome { Outcome.of { handlePage(&$0) } }
    func block() -> Outcome { Outcome.of { readTemplate(&$0) } }
    func release() { pipe.send() }

    @inline(never)
    func handlePage(_ outcome: inout Outcome) {
        loadTemplate(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func loadTemplate(_ outcome: inout Outcome) {
        readTemplate(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func readTemplate(_ outcome: inout Outcome) {
        outcome.begin()
        var byte: UInt8 = 0
        let result = read(pipe.reading, &byte, 1)
        outcome.ended(result, expected: 1)
    }
}

/// Receives from a socket whose peer says nothing.
final class ReceiveProgram: BlockingProgram {
    static let way = "recv"
    static let functions = [
        "ReceiveProgram.receiveQuote(_:)", "ReceiveProgram.askExchange(_:)", "ReceiveProgram.handleQuote(_:)",
    ]
    static let causes = ["syscall:recvfrom"]
    static let end = BlockEnd.byRelease
    private let sockets: DescriptorPair

    init(nanoseconds: Int64) throws { sockets = try DescriptorPair.sockets() }

    func handle() -> Outcome { Outcome.of { handleQuote(&$0) } }
    func block() -> Outcome { Outcome.of { receiveQuote(&$0) } }
    func release() { sockets.send() }

    @inline(never)
    func handleQuote(_ outcome: inout Outcome) {
        askExchange(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func askExchange(_ outcome: inout Outcome) {
        receiveQuote(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func receiveQuote(_ outcome: inout Outcome) {
        outcome.begin()
        var byte: UInt8 = 0
        let result = recv(sockets.reading, &byte, 1, 0)
        outcome.ended(result, expected: 1)
    }
}
