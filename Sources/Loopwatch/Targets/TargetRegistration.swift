// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Why a target could not be added.
public struct TargetError: Error, Equatable, CustomStringConvertible {
    /// A sentence that names the target and says what was expected.
    public let description: String
}

/// A target that was added, or the reason why it was not.
public struct TargetRegistration: Sendable {
    /// The target's name.
    public let name: String
    /// Why the target is not watched; `nil` if it is.
    public let problem: TargetError?
    private let watched: WatchedTarget?
    private let registry: TargetRegistry

    init(name: String, problem: TargetError?, watched: WatchedTarget?, registry: TargetRegistry) {
        self.name = name
        self.problem = problem
        self.watched = watched
        self.registry = registry
    }

    /// Stops watching the target.
    ///
    /// Harmless when it is not watched. Safe from any thread.
    public func remove() {
        guard let watched else { return }
        registry.remove(watched)
    }
}
