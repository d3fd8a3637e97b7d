// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Three async functions of the main actor, each awaiting the next.
@MainActor
enum MainActorHandlers {
    nonisolated static let functions = [
        "MainActorHandlers.drawRow(_:)", "MainActorHandlers.drawTable(_:)", "MainActorHandlers.handleRefresh(_:)",
    ]

    @inline(never)
    static func handleRefresh(_ program: any BlockingProgram) async -> Outcome {
        var outcome = await drawTable(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    static func drawTable(_ program: any BlockingProgram) async -> Outcome {
        await Task.yield()
        var outcome = await drawRow(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    static func drawRow(_ program: any BlockingProgram) async -> Outcome {
        var outcome = program.block()
        outcome.passedOn()
        return outcome
    }
}
