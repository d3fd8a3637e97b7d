// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where jobs of Swift's concurrency runtime wait: on Linux the global executor has one queue for each priority.
public enum JobLane: Int, Sendable, CaseIterable {
    /// No priority, or one without a name.
    case unspecified
    /// `TaskPriority.background`.
    case background
    /// `TaskPriority.utility`, also called `low`.
    case utility
    /// `TaskPriority.medium`, the default.
    case medium
    /// `TaskPriority.high`, also called `userInitiated`.
    case high
    /// Dispatch's highest class of service.
    case userInteractive
    /// The main actor.
    case main
    /// A Dispatch queue that is somebody's executor.
    case queue

    /// The lanes of the global executor.
    public static let ofPool: [JobLane] = [.unspecified, .background, .utility, .medium, .high, .userInteractive]

    /// The label value.
    public var label: String {
        switch self {
        case .unspecified: "unspecified"
        case .background: "background"
        case .utility: "utility"
        case .medium: "medium"
        case .high: "high"
        case .userInteractive: "user_interactive"
        case .main: "main"
        case .queue: "queue"
        }
    }

    /// Whether it is one of the global executor's.
    public var isOfPool: Bool { rawValue < JobLane.main.rawValue }
}
