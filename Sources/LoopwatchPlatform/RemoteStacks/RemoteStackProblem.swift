// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why the stacks of a process cannot be read at all.
package enum RemoteStackProblem: Error, Equatable {
    /// There is no such process, or it has ended.
    case processGone
    /// It is the process that asks.
    case ownProcess
    /// The process is another user's, or guarded: what is missing, and what grants it.
    case notPermitted(RemoteAccess)

    /// One sentence, with the command that helps where there is one.
    package var text: String {
        switch self {
        case .processGone: "there is no such process, or it has just ended"
        case .ownProcess: "a process cannot watch its own threads from outside"
        case .notPermitted(let access): access.text
        }
    }
}

/// Why there is no stack of a thread.
package enum RemoteStackOmission: Error, Equatable {
    /// The thread has ended.
    case threadGone
    /// It went on while it was read, and what was read was discarded.
    case moved
    /// It computes, and must not be stopped.
    case running
    /// It went to sleep just before it was to be stopped, and on before it was read.
    case unsteady
    /// What the kernel says of it, or its stack, cannot be read.
    case notReadable
    /// A call that stopping it needs was refused.
    case refused(SystemError)

    /// Words for `stack omitted: ...`.
    package var text: String {
        switch self {
        case .threadGone: "the thread has ended"
        case .moved: "the thread went on meanwhile"
        case .running: "the thread computes, and is not to be stopped"
        case .unsteady: "the thread slept and ran in turns"
        case .notReadable: "the kernel does not tell where the thread is"
        case .refused(let error): "the system refused to stop it: \(error)"
        }
    }
}
