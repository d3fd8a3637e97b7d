// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Threads of a pool that are at the same place.
public struct StackGroup: Sendable, Equatable {
    /// The stack of one of them.
    public var stack: Stack
    /// How many they are.
    public var threads: Int

    /// Creates a group.
    public init(stack: Stack, threads: Int) {
        self.stack = stack
        self.threads = threads
    }

    /// Puts stacks through the same functions together, the most frequent first; at most ``Limits/stackGroups`` groups.
    public static func groups(of stacks: [Stack]) -> [StackGroup] {
        var groups: [(fingerprint: UInt64, group: StackGroup)] = []
        for stack in stacks {
            let fingerprint = stack.fingerprint
            if let index = groups.firstIndex(where: { $0.fingerprint == fingerprint }) {
                groups[index].group.threads += 1
            } else {
                groups.append((fingerprint, StackGroup(stack: stack, threads: 1)))
            }
        }
        // Stable, so that of groups as large the one that was seen first comes first.
        let sorted = groups.enumerated().sorted { left, right in
            (right.element.group.threads, left.offset) < (left.element.group.threads, right.offset)
        }
        return sorted.prefix(Limits.stackGroups).map(\.element.group)
    }
}
