// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Matches a pattern that tries every way of splitting its input.
final class RegexProgram: BlockingProgram {
    static let way = "regex backtracking"
    static let functions = [
        "RegexProgram.matchQuery()", "RegexProgram.validateQuery()", "RegexProgram.handleSearch()",
    ]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { handleSearch() }
    func block() -> Outcome { matchQuery() }

    @inline(never)
    func handleSearch() -> Outcome {
        var outcome = validateQuery()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func validateQuery() -> Outcome {
        var outcome = matchQuery()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func matchQuery() -> Outcome {
        var outcome = Outcome()
        var matches = 0
        do {
            let pattern = try Regex("(a+)+b")
            let query = String(repeating: "a", count: 12) + "c"
            repeat {
                if query.wholeMatch(of: pattern) != nil { matches += 1 }
            } while Outcome.now(CLOCK_MONOTONIC) - outcome.beganNanoseconds < nanoseconds
        } catch {
            matches = -1
        }
        outcome.ended(matches)
        return outcome
    }
}
