// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The machine's processors.
enum Processors {
    /// How many are online, at least 1.
    static var online: Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
}
