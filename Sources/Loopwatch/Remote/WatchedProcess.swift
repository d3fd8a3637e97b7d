// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore
internal import Synchronization

/// Another process as a whole: whoever watches it tells what that has done to it.
///
/// Safe from any thread.
package final class WatchedProcess: Sendable {
    private let storage: Mutex<RemoteProcessSnapshot>

    /// Creates a process of which nothing is known yet.
    package init(_ name: RemoteProcessName) { storage = Mutex(RemoteProcessSnapshot(process: name)) }

    /// What is known of it now.
    package var state: RemoteProcessSnapshot {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }
}

/// The other processes of one watch.
final class WatchedProcesses: Sendable {
    private let storage = Mutex<[WatchedProcess]>([])

    /// Adds one, unless there are too many, which whoever watches them has told already.
    func add(_ process: WatchedProcess) {
        storage.withLock { processes in
            guard processes.count < Limits.remoteProcesses, !processes.contains(where: { $0 === process }) else {
                return
            }
            processes.append(process)
        }
    }

    /// Takes one off.
    func remove(_ process: WatchedProcess) { storage.withLock { $0.removeAll { $0 === process } } }

    /// What is known of them now.
    var snapshots: [RemoteProcessSnapshot] { storage.withLock { $0 }.map(\.state) }
}
