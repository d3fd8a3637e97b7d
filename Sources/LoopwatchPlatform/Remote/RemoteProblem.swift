// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why a process cannot be watched.
package enum RemoteProblem: Error, Equatable, CustomStringConvertible {
    /// There is no such process.
    case noProcess(Int32)
    /// The kernel refused something, and without it nothing can be told.
    case refused(SystemError)

    /// A sentence for the log.
    package var description: String {
        switch self {
        case .noProcess(let process): "there is no process \(process)"
        case .refused(let error): "\(error)"
        }
    }
}
