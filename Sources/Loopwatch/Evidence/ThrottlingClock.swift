// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// For how long the CPU quota of the process's control group has been used up.
///
/// Belongs to the watchdog's thread.
struct ThrottlingClock: Sendable {
    private let file: CgroupThrottlingFile
    /// The reading at the last baseline, in nanoseconds.
    private(set) var baselineNanoseconds: Int64

    /// Opens the clock; `nil` where there is no such control group.
    init?() {
        guard let file = CgroupThrottlingFile(), let now = file.now() else { return nil }
        self.file = file
        baselineNanoseconds = now.nanoseconds
    }

    /// Throttled time until now, in nanoseconds; `nil` if it cannot be read.
    func nanoseconds() -> Int64? { file.now()?.nanoseconds }

    /// Throttled time since the last baseline, in nanoseconds.
    func nanosecondsSinceBaseline() -> Int64 { max(0, (nanoseconds() ?? 0) - baselineNanoseconds) }

    /// Makes now the baseline.
    mutating func setBaseline() { baselineNanoseconds = nanoseconds() ?? baselineNanoseconds }
}
