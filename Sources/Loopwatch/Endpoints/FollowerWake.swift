// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchHTTP
internal import Synchronization

/// Wakes those who follow warnings over HTTP, once there is a server.
final class FollowerWake: Sendable {
    private let server = Mutex<HTTPServer?>(nil)

    /// Tells which server to wake.
    func connect(_ server: HTTPServer?) {
        self.server.withLock { $0 = server }
    }

    /// Wakes the followers; never blocks.
    func wake() {
        server.withLock { $0 }?.wakeStreams()
    }
}
