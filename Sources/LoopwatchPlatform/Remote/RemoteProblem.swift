// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why a process cannot be watched.
package enum RemoteProblem: Error, Equatable, CustomStringConvertible {
    /// There is no such process.
    case noProcess(Int32)
    /// There is one, and /proc does not show it to this user.
    case hidden(Int32)
    /// The kernel refused something, and without it nothing can be told.
    case refused(SystemError)

    /// A sentence for the log.
    package var description: String {
        switch self {
        case .noProcess(let process): "there is no process \(process)"
        case .hidden(let process):
            "process \(process) is hidden from this user (/proc is mounted with hidepid), and nothing is seen of it; "
                + "grant with: \(RightsGrant.command(isOwner: false))"
        case .refused(let error): "\(error)"
        }
    }
}
