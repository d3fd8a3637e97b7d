// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Accounting
import Glibc

/// A host with an asynchronous main function.
@main
enum Host {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let status = await withCheckedContinuation { continuation in
            HarnessThread.start { continuation.resume(returning: AccountingCommand.run(arguments)) }
        }
        exit(status)
    }
}
