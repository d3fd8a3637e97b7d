// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// An actor that lives on an event loop, with three async functions, each awaiting the next.
actor LoopActor {
    static let functions = [
        "LoopActor.sendFrame(_:)", "LoopActor.answerMessage(_:)", "LoopActor.handleMessage(_:)",
    ]
    private let executor: any SerialExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ loop: any EventLoop) { executor = loop.executor }

    @inline(never)
    func handleMessage(_ program: any BlockingProgram) async -> Outcome {
        var outcome = await answerMessage(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func answerMessage(_ program: any BlockingProgram) async -> Outcome {
        var outcome = await sendFrame(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func sendFrame(_ program: any BlockingProgram) async -> Outcome {
        await Task.yield()
        var outcome = program.block()
        outcome.passedOn()
        return outcome
    }
}
