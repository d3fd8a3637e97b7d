// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the command line says about whose stacks to print.
struct StackOptions: Equatable {
    /// The process.
    var process: Int32
    /// One of its threads; `nil` for all.
    var thread: Int32?
    /// Whether threads that compute may be stopped for some 50 us.
    var allowsStop = true
    /// Whether all frames are printed in full, with binaries and addresses.
    var isDetailed = false
}
