// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Corpus
import Dispatch
import Glibc

// On a thread of its own: the main thread serves the main actor, which is watched.
HarnessThread.start {
    exit(CorpusCommand.run(Array(CommandLine.arguments.dropFirst()), program: CommandLine.arguments[0]))
}
dispatchMain()
