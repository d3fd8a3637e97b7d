// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// One descriptor kept in reserve for the moment when the process has no other left.
///
/// With none left, accept(2) fails while the listener stays readable: a loop would spin. Giving up the reserve lets it
/// take the connection, tell the client, and close it.
package final class SpareDescriptor: Sendable {
    private let descriptor: Descriptor

    /// Reserves a descriptor; `nil` when none can be had.
    package init?() {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        descriptor = Descriptor(owning: number)
    }

    /// Gives the descriptor back to the process.
    package func release() {
        descriptor.close()
    }
}
