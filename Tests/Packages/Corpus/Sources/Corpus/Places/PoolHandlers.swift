// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Three async functions, each awaiting the next, for whatever thread of Swift's pool.
enum PoolHandlers {
    static let functions = [
        "PoolHandlers.askWarehouse(_:)", "PoolHandlers.priceBasket(_:)", "PoolHandlers.handleBasket(_:)",
    ]

    @inline(never)
    static func handleBasket(_ program: any BlockingProgram) async -> Outcome {
        // Suspended for once, so that the task has been away from its first thread.
        await Task.yield()
        var outcome = await priceBasket(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    static func priceBasket(_ program: any BlockingProgram) async -> Outcome {
        var outcome = await askWarehouse(program)
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    static func askWarehouse(_ program: any BlockingProgram) async -> Outcome {
        await Task.yield()
        var outcome = program.block()
        outcome.passedOn()
        return outcome
    }
}
