// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform

/// What this process has of the system.
struct ProcessUse: CustomStringConvertible {
    /// Descriptors that are open.
    var descriptors: Int
    /// Threads.
    var threads: Int
    /// Memory that is there, in KiB.
    var residentKibibytes: Int

    /// Reads it.
    init() {
        descriptors = Self.entries("/proc/self/fd")
        threads = Self.entries("/proc/self/task")
        residentKibibytes = 0
        guard let file = fopen("/proc/self/statm", "re") else { return }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, CInt(text.count), file) != nil else { return }
        let fields = String(decoding: text.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self).split(separator: " ")
        residentKibibytes = (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(CInt(_SC_PAGESIZE))) / 1_024
    }

    var description: String { "\(descriptors) descriptors, \(threads) threads, \(residentKibibytes) KiB" }

    private static func entries(_ path: String) -> Int {
        guard let folder = opendir(path) else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count
    }
}
