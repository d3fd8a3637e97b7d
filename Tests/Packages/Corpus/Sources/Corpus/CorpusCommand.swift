// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The command `corpus`.
public enum CorpusCommand {
    /// Prints the table of the whole corpus, or of the cases whose names contain the first argument.
    ///
    /// - Returns: the exit status.
    public static func run(_ arguments: [String], program: String) -> CInt {
        do {
            switch arguments.first {
            case "host":
                try SpecialHosts.runHere(arguments.dropFirst().first ?? "")
                return 0
            case "compete": return OutrankedHost.compete(Array(arguments.dropFirst()))
            default: return try printTable(of: arguments.first ?? "", program: program)
            }
        } catch {
            print("\(error)")
            return 2
        }
    }

    private static func printTable(of wanted: String, program: String) throws -> CInt {
        func isWanted(_ name: String) -> Bool { wanted.isEmpty || name.contains(wanted) }
        let run = try CorpusRun()
        var verdicts = CorpusCase.all.filter { isWanted($0.description) }.map { run.verdict(on: $0) }
        run.stop()
        verdicts += SpecialHosts.names.filter(isWanted).map { SpecialHosts.verdict(on: $0, program: program) }
        print(VerdictTable.text(of: verdicts, showsFrames: !wanted.isEmpty))
        return verdicts.allSatisfy { $0.isRight || $0.notPossible != nil } ? 0 : 1
    }
}
