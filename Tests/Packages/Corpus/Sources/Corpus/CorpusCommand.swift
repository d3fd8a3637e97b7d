// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The command `corpus`.
public enum CorpusCommand {
    /// Runs the whole corpus, or the cases whose names contain the first argument, and prints the table.
    ///
    /// - Returns: the exit status.
    public static func run(_ arguments: [String]) -> CInt {
        let wanted = arguments.first ?? ""
        do {
            let run = try CorpusRun()
            let verdicts = CorpusCase.all.filter { wanted.isEmpty || $0.description.contains(wanted) }
                .map { run.verdict(on: $0) }
            run.stop()
            print(VerdictTable.text(of: verdicts, showsFrames: !wanted.isEmpty))
            return verdicts.allSatisfy { $0.isRight || $0.notPossible != nil } ? 0 : 1
        } catch {
            print("\(error)")
            return 2
        }
    }
}
