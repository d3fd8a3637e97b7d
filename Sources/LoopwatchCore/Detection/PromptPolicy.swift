// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a thread that watches, or answers, may come before the host's.
///
/// It may as long as it uses little: what it asks for is to be there in time, not to have more of a CPU than others. Where it
/// computes much, because stalls or requests come by the hundred, it takes its turn with the host.
///
/// A value: CPU time goes in, decisions come out.
public struct PromptPolicy: Sendable {
    /// Whether it may now.
    public private(set) var isPrompt = true

    /// With a larger share of the time than this it may not any more.
    private static let shareMost = 0.25
    /// With a smaller one than this it may again.
    private static let shareLow = 0.125

    /// Creates a policy for a thread that has used nothing.
    public init() {}

    /// The thread has used so much CPU time lately.
    ///
    /// - Parameters:
    ///   - cpuNanoseconds: CPU time that it used, in nanoseconds.
    ///   - elapsedNanoseconds: in this time, in nanoseconds.
    public mutating func take(cpuNanoseconds: Int64, elapsedNanoseconds: Int64) {
        guard elapsedNanoseconds > 0 else { return }
        let share = Double(cpuNanoseconds) / Double(elapsedNanoseconds)
        isPrompt = isPrompt ? share <= Self.shareMost : share < Self.shareLow
    }
}
