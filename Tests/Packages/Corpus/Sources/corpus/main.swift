// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Corpus
import Dispatch
import Glibc

/// Runs the whole corpus, or the cases the names of which contain the first argument, and prints the table.
func runCases() {
    let wanted = CommandLine.arguments.dropFirst().first ?? ""
    do {
        let run = try CorpusRun()
        var verdicts: [Verdict] = []
        for example in CorpusCase.all where wanted.isEmpty || example.description.contains(wanted) {
            verdicts.append(run.verdict(on: example))
        }
        run.stop()
        print(VerdictTable.text(of: verdicts, showsFrames: !wanted.isEmpty))
        exit(verdicts.allSatisfy { $0.isRight || $0.notPossible != nil } ? 0 : 1)
    } catch {
        print("\(error)")
        exit(2)
    }
}

// On a thread of its own: the main thread serves the main actor, which is watched.
var thread = pthread_t()
pthread_create(&thread, nil, { _ in runCases(); return nil }, nil)
dispatchMain()
