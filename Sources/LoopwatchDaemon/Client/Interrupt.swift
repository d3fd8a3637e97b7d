// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What ends the waits of a connection early.
struct Interrupt: Sendable {
    /// Becomes readable when it is time to end; -1 for none.
    let readable: CInt
    /// Where the result is written: it is time to end when nobody reads it any more; -1 for none.
    var written: CInt = -1

    /// The two, for poll(2), which passes over descriptors that are negative.
    private var entries: [pollfd] {
        // POLLERR is told unasked when a pipe has lost its last reader, and POLLHUP by a terminal that has hung up.
        [pollfd(fd: readable, events: Int16(POLLIN), revents: 0), pollfd(fd: written, events: 0, revents: 0)]
    }

    private static func hasCome(_ entries: some Collection<pollfd>) -> Bool {
        entries.contains { Int32($0.revents) & (POLLIN | POLLERR | POLLHUP) != 0 }
    }

    /// Waits for a descriptor's events as well.
    ///
    /// - Parameters:
    ///   - descriptor: whose events; -1 for none.
    ///   - events: for poll(2).
    ///   - milliseconds: the longest wait.
    /// - Returns: whether the descriptor is ready, and whether it is time to end; `nil` for a wait that failed.
    func wait(_ descriptor: CInt = -1, _ events: CInt = 0, milliseconds: CInt) -> (isReady: Bool, hasCome: Bool)? {
        var all = [pollfd(fd: descriptor, events: Int16(events), revents: 0)] + entries
        let count = poll(&all, nfds_t(all.count), milliseconds)
        if count < 0 { return errno == EINTR ? (false, false) : nil }
        return (all[0].revents != 0, Self.hasCome(all.dropFirst()))
    }

    /// Whether it is time to end.
    var hasCome: Bool { wait(milliseconds: 0)?.hasCome ?? false }
}
