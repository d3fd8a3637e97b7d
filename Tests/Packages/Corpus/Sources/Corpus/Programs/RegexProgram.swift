// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Matches a pattern that tries every way of splitting its input.
final class RegexProgram: BlockingProgram {
    static let way = "regex backtracking"
    static let functions = [
        "RegexProgram.matchQuery(_:)", "RegexProgram.validateQuery(_:)", "RegexProgram.handleSearch(_:)",
    ]
    static let causes = ["cpu", "runqueue"]
    static let end = BlockEnd.byComputing
    private let nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    func handle() -> Outcome { Outcome.of { handleSearch(&$0) } }
    func block() -> Outcome { Outcome.of { matchQuery(&$0) } }

    @inline(never)
    func handleSearch(_ outcome: inout Outcome) {
        validateQuery(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func validateQuery(_ outcome: inout Outcome) {
        matchQuery(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func matchQuery(_ outcome: inout Outcome) {
        outcome.begin()
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
    }
}
