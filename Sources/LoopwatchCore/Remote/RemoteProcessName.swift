// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A process that is watched from outside, as reports and metrics name it.
public struct RemoteProcessName: Sendable, Hashable {
    /// The `process` label: unique among the processes that are watched together.
    public var name: String
    /// Linux process id.
    public var identifier: Int32

    /// Creates a name.
    public init(name: String, identifier: Int32) {
        self.name = name
        self.identifier = identifier
    }
}
