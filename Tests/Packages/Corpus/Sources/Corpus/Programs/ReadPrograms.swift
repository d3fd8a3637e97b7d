// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads from a pipe that nobody writes to.
final class ReadProgram: BlockingProgram {
    static let way = "read on a pipe"
    static let functions = [
        "ReadProgram.readTemplate()", "ReadProgram.loadTemplate()", "ReadProgram.handlePage()",
    ]
    static let causes = ["syscall:read"]
    static let end = BlockEnd.byRelease
    private let pipe: DescriptorPair

    init(nanoseconds: Int64) throws { pipe = try DescriptorPair.pipe() }

    func handle() -> Outcome { handlePage() }
    func block() -> Outcome { readTemplate() }
    func release() { pipe.send() }

    @inline(never)
    func handlePage() -> Outcome {
        var outcome = loadTemplate()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func loadTemplate() -> Outcome {
        var outcome = readTemplate()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func readTemplate() -> Outcome {
        var outcome = Outcome()
        var byte: UInt8 = 0
        let result = read(pipe.reading, &byte, 1)
        outcome.ended(result, expected: 1)
        return outcome
    }
}

/// Receives from a socket whose peer says nothing.
final class ReceiveProgram: BlockingProgram {
    static let way = "recv"
    static let functions = [
        "ReceiveProgram.receiveQuote()", "ReceiveProgram.askExchange()", "ReceiveProgram.handleQuote()",
    ]
    static let causes = ["syscall:recvfrom"]
    static let end = BlockEnd.byRelease
    private let sockets: DescriptorPair

    init(nanoseconds: Int64) throws { sockets = try DescriptorPair.sockets() }

    func handle() -> Outcome { handleQuote() }
    func block() -> Outcome { receiveQuote() }
    func release() { sockets.send() }

    @inline(never)
    func handleQuote() -> Outcome {
        var outcome = askExchange()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func askExchange() -> Outcome {
        var outcome = receiveQuote()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func receiveQuote() -> Outcome {
        var outcome = Outcome()
        var byte: UInt8 = 0
        let result = recv(sockets.reading, &byte, 1, 0)
        outcome.ended(result, expected: 1)
        return outcome
    }
}
