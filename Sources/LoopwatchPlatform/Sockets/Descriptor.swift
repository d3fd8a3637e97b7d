// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// A file descriptor with one owner: closed once, explicitly or when the last reference goes.
final class Descriptor: Sendable {
    // -1 once closed. Only the exchange in `close()` may take the number out, so it is never closed twice: a second
    // close(2) could hit a descriptor that another thread of the host has opened meanwhile.
    private let stored: Atomic<CInt>

    /// Takes over a descriptor that the kernel has just returned.
    init(owning number: CInt) {
        stored = Atomic(number)
    }

    deinit { close() }

    /// The number, or -1 once closed: the kernel answers a call with -1 with `EBADF`.
    var number: CInt { stored.load(ordering: .acquiring) }

    /// Closes the descriptor; a second call does nothing.
    func close() {
        let number = stored.exchange(-1, ordering: .acquiringAndReleasing)
        // Never retried: on Linux the number is free even when close(2) reports EINTR.
        if number >= 0 { _ = Glibc.close(number) }
    }
}
