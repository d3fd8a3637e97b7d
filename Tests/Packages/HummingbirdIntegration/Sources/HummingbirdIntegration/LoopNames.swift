// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What each event loop is called as a target.
struct LoopNames: Sendable {
    private let names: [ObjectIdentifier: String]

    /// Names the loops `http-0`, `http-1` and so on.
    init(_ group: some EventLoopGroup) {
        var names: [ObjectIdentifier: String] = [:]
        for (index, eventLoop) in group.makeIterator().enumerated() {
            names[ObjectIdentifier(eventLoop)] = "http-\(index)"
        }
        self.names = names
    }

    /// The name of a loop of the group.
    func name(of eventLoop: any EventLoop) -> String {
        names[ObjectIdentifier(eventLoop)] ?? "another group's loop"
    }
}
