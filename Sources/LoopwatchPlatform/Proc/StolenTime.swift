// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How long a hypervisor ran something else on each processor while this machine had work for it: `/proc/stat` (proc(5)).
package struct StolenTime: Sendable, Equatable {
    /// Stolen time of each processor since the start, in clock ticks.
    package var ticks: [Int64]

    /// Bytes that are read: enough for some 500 processors; the others are not told of.
    private static let bytesMost = 65_536

    /// Reads the text of `/proc/stat`.
    package init(stat text: some Collection<UInt8>) {
        ticks = []
        // The first line is the sum; after the lines of the processors come others, some of them very long.
        for line in text.split(separator: 10, maxSplits: 1_024).dropFirst() {
            guard line.starts(with: "cpu".utf8) else { break }
            let fields = line.prefix(256).split(separator: 32)
            ticks.append(fields.count > 8 ? Int64(String(decoding: fields[8], as: UTF8.self)) ?? 0 : 0)
        }
    }

    /// What has been stolen until now; `nil` where the kernel does not tell.
    ///
    /// Costs about 0.1 ms, and more on a machine with many processors.
    package static func now() -> StolenTime? {
        ProcFile(path: "/proc/stat").map { StolenTime(stat: $0.bytes(atMost: bytesMost)) }
    }

    /// What was stolen from the processor that lost most since an earlier reading, in nanoseconds.
    package func nanoseconds(since earlier: StolenTime) -> Int64 {
        let most = zip(ticks, earlier.ticks).map { $0 - $1 }.max() ?? 0
        return max(0, most) * (1_000_000_000 / max(1, Int64(sysconf(CInt(_SC_CLK_TCK)))))
    }
}
