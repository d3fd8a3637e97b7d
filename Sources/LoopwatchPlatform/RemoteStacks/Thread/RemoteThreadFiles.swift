// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the kernel says of one thread of another process; nothing here touches it.
struct RemoteThreadFiles {
    /// The kernel's number of the thread.
    let identifier: ThreadIdentifier
    /// Its number as its own process knows it, which is another one in a container.
    let innerIdentifier: ThreadIdentifier
    private let callFile: ProcFile
    private let schedstatFile: ProcFile

    /// Why files of a thread cannot be opened.
    enum Failure: Error, Equatable {
        /// It is gone.
        case gone
        /// They may not be opened.
        case notPermitted
    }

    /// Opens the files of a thread.
    init(process: Int32, thread: ThreadIdentifier) throws(Failure) {
        let folder = "/proc/\(process)/task/\(thread)"
        guard let callFile = ProcFile(path: "\(folder)/syscall"),
            let schedstatFile = ProcFile(path: "\(folder)/schedstat")
        else {
            var status = stat()
            throw stat(folder, &status) == 0 ? .notPermitted : .gone
        }
        identifier = thread
        self.callFile = callFile
        self.schedstatFile = schedstatFile
        let status = WholeFile.bytes(at: "\(folder)/status", atMost: 8_192)
        innerIdentifier = Self.innerIdentifier(status: status) ?? thread
    }

    /// The last number of the line `NSpid:`, which is that of the innermost namespace (proc(5)).
    static func innerIdentifier(status text: some Collection<UInt8>) -> ThreadIdentifier? {
        for line in text.split(separator: 10) where line.starts(with: "NSpid:".utf8) {
            return line.split(whereSeparator: { $0 == 9 || $0 == 32 }).last.flatMap {
                ThreadIdentifier(String(decoding: $0, as: UTF8.self))
            }
        }
        return nil
    }

    /// The descriptor of the file that says where the thread sleeps.
    var callDescriptor: CInt { callFile.fileDescriptor }

    /// Where the thread sleeps; `nil` where the kernel does not tell.
    func call() -> ThreadCall? {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            let count = callFile.read(into: buffer)
            return ThreadCall(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// What changes when the thread runs, however short: its CPU time and how many times it was put on a CPU; `nil` if it is
    /// gone, or the kernel does not tell.
    func motion() -> [UInt8]? {
        let line = schedstatFile.bytes(atMost: 128)
        return line.isEmpty ? nil : line
    }

    /// Whether the thread is there still.
    var exists: Bool { motion() != nil }
}
