// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Numbers of the kernel's tracepoints, which differ from one build of the kernel to another.
package enum Tracepoints {
    /// The tracepoints of a system call; `nil` where the kernel does not tell them to this user, or has none.
    ///
    /// Read from tracefs, which is root's.
    package static func means(call: String) -> PerfEdges.Means? {
        for folder in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
            if let entry = number("\(folder)/events/syscalls/sys_enter_\(call)/id"),
                let exit = number("\(folder)/events/syscalls/sys_exit_\(call)/id")
            {
                return .tracepoints(entry: entry, exit: exit)
            }
        }
        return nil
    }

    private static func number(_ path: String) -> UInt64? {
        let digits = WholeFile.bytes(at: path, atMost: 32).prefix { $0 != 10 }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
