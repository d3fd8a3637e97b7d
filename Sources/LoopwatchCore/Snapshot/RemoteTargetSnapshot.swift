// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is to be known of a target in another process, beyond its counters.
public struct RemoteTargetSnapshot: Sendable, Equatable {
    /// The process.
    public var process: RemoteProcessName
    /// What was found, and on what evidence it is watched, for people.
    public var summary: String
    /// Of a pool: its threads now; `nil` for a loop.
    public var threads: RemoteThreads?

    /// The threads of a pool as they are seen from outside; the depth of its queue is not to be seen.
    public struct RemoteThreads: Sendable, Equatable {
        /// Threads that the pool has.
        public var total: Int
        /// Threads that are at work.
        public var busy: Int
        /// For how long all have been busy, in nanoseconds; 0 if they are not.
        public var saturatedNanoseconds: Int64

        /// Creates a reading.
        public init(total: Int, busy: Int, saturatedNanoseconds: Int64) {
            self.total = total
            self.busy = busy
            self.saturatedNanoseconds = saturatedNanoseconds
        }
    }

    /// Creates a picture.
    public init(process: RemoteProcessName, summary: String, threads: RemoteThreads? = nil) {
        self.process = process
        self.summary = summary
        self.threads = threads
    }
}
