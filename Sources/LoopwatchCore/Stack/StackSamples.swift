// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a thread was at, at several instants of one block, and what it was at for most of it.
public struct StackSamples: Sendable {
    /// What it was at, at one instant.
    public struct Sample: Sendable {
        /// The stack.
        public var stack: Stack
        /// When it was that.
        public var instant: MonotonicInstant

        /// Creates a sample.
        public init(stack: Stack, instant: MonotonicInstant) {
            self.stack = stack
            self.instant = instant
        }
    }

    /// Samples that are kept of one block: it is looked at when it has doubled, so that these are many.
    public static let most = 16

    private var samples: [Sample] = []

    /// Creates an empty list.
    public init() {}

    /// Adds samples, in the order of time; beyond ``most`` the oldest are dropped.
    public mutating func add(_ new: [Sample]) { samples = (samples + new).suffix(Self.most) }

    /// The stack that it was at for most of the time; of several as long, the latest; `nil` if there is none.
    ///
    /// Each sample stands for the time that is nearer to it than to another. Which was seen most often would not tell: what
    /// is seen last may be what came after the block, in the same iteration.
    ///
    /// - Parameters:
    ///   - began: when the block began.
    ///   - ended: when it ended.
    public func longest(from began: MonotonicInstant, until ended: MonotonicInstant) -> Stack? {
        let known = samples.contains { $0.stack.blamedIndex != nil }
        let samples = known ? samples.filter { $0.stack.blamedIndex != nil } : samples
        var times: [UInt64: Int64] = [:]
        var edge = began
        for (index, sample) in samples.enumerated() {
            var next = ended
            if index + 1 < samples.count {
                let gap = samples[index + 1].instant.nanoseconds(since: sample.instant)
                next = min(ended, sample.instant.advanced(byNanoseconds: gap / 2))
            }
            times[sample.stack.fingerprint, default: 0] += max(0, next.nanoseconds(since: edge))
            edge = max(edge, next)
        }
        let longest = times.values.max()
        return samples.last { times[$0.stack.fingerprint] == longest }?.stack
    }
}
