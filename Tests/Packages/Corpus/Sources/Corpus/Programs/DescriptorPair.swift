// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Two connected descriptors, closed when the value goes.
final class DescriptorPair: Sendable {
    /// The end to read from.
    let reading: CInt
    /// The end to write to.
    let writing: CInt

    private init(_ ends: [CInt]) {
        reading = ends[0]
        writing = ends[1]
    }

    /// A pipe.
    ///
    /// - Throws: ``NotPossible``.
    static func pipe() throws -> DescriptorPair {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw NotPossible(failed: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return DescriptorPair(ends)
    }

    /// A pair of connected sockets.
    ///
    /// - Throws: ``NotPossible``.
    static func sockets() throws -> DescriptorPair {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw NotPossible(failed: "socketpair") }
        return DescriptorPair(ends)
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// Makes one byte readable.
    func send() {
        _ = write(writing, [1], 1)
    }
}
