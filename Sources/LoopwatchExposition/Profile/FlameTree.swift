// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The stacks of a profile, put together where they begin alike: what a flame graph shows.
struct FlameTree {
    /// Whose code a box stands for.
    enum Origin: Hashable {
        /// A target, or what has no stack.
        case none
        /// A frame's.
        case frame(StackFrame.Origin)
    }

    /// What tells the boxes above one another apart.
    struct Key: Hashable {
        var name: String
        var module: String
        var origin: Origin
        var isAsynchronous: Bool
    }

    /// One box; those above it are its children.
    struct Node {
        /// What it shows.
        var key: Key
        /// Blocked time, in nanoseconds.
        var nanoseconds: Int64 = 0
        /// Numbers of the boxes that were called from here.
        var children: [Int] = []
    }

    /// The boxes; the first is the root.
    private(set) var nodes: [Node]
    private var numbers: [Edge: Int] = [:]

    private struct Edge: Hashable {
        var parent: Int
        var key: Key
    }

    /// Puts a profile together.
    init(_ profile: StallProfile) {
        nodes = [Node(key: Key(name: "all", module: "", origin: .none, isAsynchronous: false))]
        for entry in profile.top() {
            let frames = LogicalPath.frames(of: entry.stack).reversed()
            for share in entry.shares where share.nanoseconds > 0 {
                add(share.nanoseconds, root: share.target ?? ProfileName.otherTargets, frames: frames)
            }
        }
        for (name, nanoseconds) in [
            (ProfileName.withoutStack, profile.unattributedNanoseconds),
            (ProfileName.forgotten, profile.evictedNanoseconds),
        ] where nanoseconds > 0 {
            add(nanoseconds, root: name, frames: [])
        }
        for index in nodes.indices {
            nodes[index].children.sort { [nodes] in nodes[$0].nanoseconds > nodes[$1].nanoseconds }
        }
    }

    private mutating func add(_ nanoseconds: Int64, root: String, frames: some Sequence<StackFrame>) {
        var node = 0
        count(nanoseconds, at: node)
        let name = root.isEmpty ? ProfileName.noName : root
        node = child(of: node, Key(name: name, module: "", origin: .none, isAsynchronous: false))
        count(nanoseconds, at: node)
        for frame in frames {
            let key = Key(
                name: ProfileName.of(frame),
                module: frame.module.clipped(toBytes: Limits.nameBytesInStack),
                origin: .frame(frame.origin),
                isAsynchronous: frame.link == .asynchronous
            )
            // The time stays with the box that has no room above it.
            guard nodes.count < Limits.flameGraphNodes else { return }
            node = child(of: node, key)
            count(nanoseconds, at: node)
        }
    }

    private mutating func count(_ nanoseconds: Int64, at node: Int) {
        nodes[node].nanoseconds = nodes[node].nanoseconds.addingBounded(nanoseconds)
    }

    private mutating func child(of parent: Int, _ key: Key) -> Int {
        let edge = Edge(parent: parent, key: key)
        if let number = numbers[edge] { return number }
        let number = nodes.count
        nodes.append(Node(key: key))
        nodes[parent].children.append(number)
        numbers[edge] = number
        return number
    }
}
