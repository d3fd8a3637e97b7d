// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Descriptors that one thread waits on, all at once.
package struct PollSet {
    private var entries: [pollfd] = []

    /// Creates an empty set.
    package init() {}

    /// Empties the set for the next wait; what it allocated stays.
    package mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
    }

    /// Adds a descriptor; one that waits for neither still reports that it is broken.
    ///
    /// - Returns: where to ask for its readiness after the wait.
    package mutating func add(_ descriptor: CInt, reading: Bool, writing: Bool) -> Int {
        let events = (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)
        entries.append(pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0))
        return entries.count - 1
    }

    /// Waits until a descriptor is ready, for at most so many milliseconds; a signal ends the wait early.
    package mutating func wait(milliseconds: CInt) {
        let result = poll(&entries, nfds_t(entries.count), milliseconds)
        if result < 0 {
            // What poll(2) leaves in the entries on failure is not specified.
            for index in entries.indices { entries[index].revents = 0 }
        }
    }

    /// What the last wait found.
    package func readiness(at index: Int) -> Readiness {
        let events = Int32(entries[index].revents)
        return Readiness(
            readable: events & POLLIN != 0,
            writable: events & POLLOUT != 0,
            broken: events & (POLLERR | POLLHUP | POLLNVAL) != 0
        )
    }

    /// What can be done with a descriptor without blocking.
    package struct Readiness: Equatable, Sendable {
        /// Reading brings bytes or the end.
        package var readable: Bool
        /// Writing takes bytes.
        package var writable: Bool
        /// Both directions are over, or the connection failed.
        package var broken: Bool

        /// Of a descriptor that was not waited for.
        package static let none = Readiness(readable: false, writable: false, broken: false)
    }
}
