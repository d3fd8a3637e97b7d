// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// This process's number.
enum ProcessIdentifier {
    /// The kernel's number of it.
    static var own: Int32 { getpid() }
}

/// The threads of a process.
package enum RemoteThreadList {
    /// The numbers of the threads, in ascending order, at most ``RemoteStackLimits/threads``; none if the process is gone.
    package static func identifiers(of process: Int32) -> [Int32] {
        guard let folder = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        while found.count < RemoteStackLimits.threads, let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name), number > 0 { found.append(number) }
        }
        return found.sorted()
    }

    /// The number that this process knows a thread by; `nil` if it is gone.
    ///
    /// - Parameter inner: its number as its own process knows it, which is another one in a container.
    static func thread(withInnerIdentifier inner: ThreadIdentifier, in process: Int32) -> Int32? {
        func innerIdentifier(of thread: Int32) -> ThreadIdentifier? {
            let status = WholeFile.bytes(at: "/proc/\(process)/task/\(thread)/status", atMost: 8_192)
            return status.isEmpty ? nil : RemoteThreadFiles.innerIdentifier(status: status) ?? thread
        }
        // Mostly they are the same.
        if innerIdentifier(of: inner) == inner { return inner }
        return identifiers(of: process).first { innerIdentifier(of: $0) == inner }
    }

    /// The name of a thread (`comm`, at most 15 bytes); `nil` if it is gone.
    package static func name(of thread: Int32, in process: Int32) -> String? {
        let bytes = WholeFile.bytes(at: "/proc/\(process)/task/\(thread)/comm", atMost: 64)
        return bytes.isEmpty ? nil : String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }

    /// What a thread is doing: `running`, or the name of the system call that it sleeps in; `nil` if that is not told.
    package static func activity(of thread: Int32, in process: Int32) -> String? {
        let line = WholeFile.bytes(at: "/proc/\(process)/task/\(thread)/syscall", atMost: 256)
        switch ThreadCall(line) {
        case .running: return "running"
        case .outside: return "asleep, in no system call"
        case .inside(let number, _, _, _): return SystemCall.name(of: number)
        case nil: return nil
        }
    }
}
