// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Reads what the standard `process_*` metrics tell, from /proc/self.
enum HostStatistics {
    /// A picture of this process; what the system does not say is left out.
    static func read() -> HostSnapshot {
        var host = HostSnapshot()
        host.cpuNanoseconds = Clock.processCPUNanoseconds()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            host.descriptorsLimit = Int(clamping: limit.rlim_cur)
        }
        host.openDescriptors = countEntries(of: "/proc/self/fd").map { $0 - 1 }
        guard let file = ProcFile(path: "/proc/self/stat"),
            let process = ProcessStatistics(stat: file.bytes(atMost: 1_024))
        else { return host }
        host.threads = process.threads
        host.virtualMemoryBytes = process.virtualMemoryBytes
        host.residentMemoryBytes = process.residentMemoryPages * Int64(sysconf(CInt(_SC_PAGESIZE)))
        let ticksEachSecond = Double(sysconf(CInt(_SC_CLK_TCK)))
        // Start time counts from boot, on the clock that goes on while the machine sleeps.
        let uptime = Double(Clock.bootNanoseconds()) / 1e9
        let now = Double(Clock.unixNanoseconds()) / 1e9
        host.startUnixSeconds = now - uptime + Double(process.startTicks) / ticksEachSecond
        return host
    }

    /// Entries of a folder without `.` and `..`; one of them is the descriptor it is read through.
    private static func countEntries(of path: String) -> Int? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count - 2
    }
}
