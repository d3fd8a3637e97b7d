// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Holds the watches that run, so that one goes on although the variable that named it was last used long ago: the
/// compiler may release a local variable right after its last use.
enum RunningWatches {
    private static let running = Mutex<[Parts]>([])

    /// Holds a watch.
    static func add(_ parts: Parts) {
        running.withLock { $0.append(parts) }
    }

    /// Lets go of a watch that has stopped.
    static func remove(_ parts: Parts) {
        running.withLock { $0.removeAll { $0 === parts } }
    }
}
