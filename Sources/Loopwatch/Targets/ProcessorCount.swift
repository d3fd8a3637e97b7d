// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Logical processors: the width of Swift's global executor on Linux.
enum ProcessorCount {
    /// Logical processors that are online, at least 1.
    static let logical = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
}
