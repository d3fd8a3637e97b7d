// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// Another process, held fast against the reuse of its number.
///
/// Safe to use from several threads.
package final class RemoteProcess: Sendable {
    /// Its number.
    package let identifier: Int32
    /// When it started, in clock ticks since the machine did (proc(5), field 22 of `stat`): with its number, its identity.
    package let startTicks: UInt64
    private let descriptor: Descriptor
    private let folder: String

    /// Opens a process.
    ///
    /// - Throws: ``RemoteProblem``.
    package init(_ identifier: Int32) throws(RemoteProblem) {
        let number = lw_open_process(identifier)
        let code = errno
        guard number >= 0 else {
            if code == ESRCH || code == EINVAL { throw .noProcess(identifier) }
            throw .refused(SystemError(operation: "pidfd_open \(identifier)", code: code))
        }
        let descriptor = Descriptor(owning: number)
        // Read after the descriptor was opened: both are of the same process, or the descriptor says that it has ended.
        guard let start = Self.startTicks(of: identifier) else {
            throw ProcessList.isHidden(identifier) ? .hidden(identifier) : .noProcess(identifier)
        }
        self.identifier = identifier
        self.descriptor = descriptor
        startTicks = start
        folder = "/proc/\(identifier)"
        if hasEnded { throw .noProcess(identifier) }
    }

    /// Whether the process has ended.
    ///
    /// Costs one system call.
    package var hasEnded: Bool {
        var entry = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return retryingInterrupted { poll(&entry, 1, 0) } > 0
    }

    /// Its name, of at most 15 bytes.
    package var comm: String { Self.line(of: "\(folder)/comm") }

    /// Path of its program; `nil` where the kernel does not tell.
    package var program: String? { Self.link("\(folder)/exe") }

    /// Its threads, as the kernel lists them; the rest is left out.
    package func threads(atMost count: Int) -> [Int32] {
        guard let folder = opendir("\(folder)/task") else { return [] }
        defer { closedir(folder) }
        var identifiers: [Int32] = []
        while identifiers.count < count, let entry = readdir(folder) {
            let number = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let identifier = Int32(number) { identifiers.append(identifier) }
        }
        return identifiers
    }

    private static func startTicks(of process: Int32) -> UInt64? {
        let line = WholeFile.bytes(at: "/proc/\(process)/stat", atMost: 4_096)
        // The name in the second field may hold anything, so fields are counted from its closing parenthesis.
        guard let end = line.lastIndex(of: 41) else { return nil }
        let fields = line[(end + 1)...].split { $0 == 32 || $0 == 10 }
        return fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) : nil
    }

    private static func line(of path: String) -> String {
        String(decoding: WholeFile.bytes(at: path, atMost: 64).prefix { $0 != 10 }, as: UTF8.self)
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink(path, bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
