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
        host.openDescriptors = openDescriptors()
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

    /// How many descriptors are open.
    ///
    /// Linux 6.2 and later say it as the size of the folder (proc_pid_fd(5)). To count the entries, as is done before that, takes
    /// the longer the more there are: with 300 of them, a fifth of a whole scrape.
    private static func openDescriptors() -> Int? {
        var status = stat()
        if stat(descriptors, &status) == 0, status.st_size > 0 { return Int(status.st_size) }
        return countDescriptors()
    }

    /// Counts the open descriptors, without the one by which they are read.
    static func countDescriptors() -> Int? {
        guard let folder = opendir(descriptors) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Two entries are the folder and the one above.
        return count - 3
    }

    private static let descriptors = "/proc/self/fd"
}
