// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// For how long the threads of the process have waited for a CPU, all together.
enum ProcessRunDelay {
    /// The sum over the threads, in nanoseconds; `nil` where the kernel does not tell.
    ///
    /// Opens files for each thread, 40 us: for use on suspicion only.
    static func nanoseconds() -> Int64? {
        let delays = OwnThread.identifiersInProcess(atMost: threadsMost).compactMap {
            ThreadView($0).runDelayNanoseconds()
        }
        return delays.isEmpty ? nil : delays.reduce(0, +)
    }

    /// Threads that are read at most.
    private static let threadsMost = 128
}
