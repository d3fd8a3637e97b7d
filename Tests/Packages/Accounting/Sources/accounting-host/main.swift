// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Accounting
import Dispatch
import Glibc

// A host whose main thread serves the main actor by `dispatchMain`, or, where a tool has to follow it that cannot stand
// that, only waits for the end.
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "count" {
    exit(AccountingCommand.run(arguments))
}
HarnessThread.start { exit(AccountingCommand.run(arguments)) }
dispatchMain()
