// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Which program a process runs: another one after execve(2), and none when it is gone, also when its number is used again.
struct RemoteProgram {
    /// What tells one program from the next.
    struct Identity: Equatable {
        /// When the process started, in ticks since the machine did.
        var start: UInt64
        /// Address of its code, where that may be known.
        var code: UInt64
        /// Address of its stack's bottom, where that may be known.
        var stack: UInt64

        /// Reads fields 3, 22, 26 and 28 of `/proc/PID/stat` (proc(5)); `nil` if they are not there, or it has ended.
        init?(stat line: some BidirectionalCollection<UInt8>) {
            // The name in the second field may hold anything, so fields are counted from its closing parenthesis.
            guard let end = line.lastIndex(of: 41) else { return nil }
            let fields = line[line.index(after: end)...].split { $0 == 32 || $0 == 10 }
            // What has ended and was not yet waited for has a state, but no memory.
            guard fields.count > 25, ![[0x5a], [0x58]].contains(Array(fields[0])),
                let start = UInt64(String(decoding: fields[19], as: UTF8.self)),
                let code = UInt64(String(decoding: fields[23], as: UTF8.self)),
                let stack = UInt64(String(decoding: fields[25], as: UTF8.self))
            else { return nil }
            self.start = start
            self.code = code
            self.stack = stack
        }
    }

    // Kept open: the kernel does not take another process with the same number for the one that it was opened for.
    private let file: ProcFile
    /// The program, as it was when it was last looked at.
    private(set) var identity: Identity

    /// Opens the process; `nil` if it is gone.
    init?(process: Int32) {
        guard let file = ProcFile(path: "/proc/\(process)/stat"),
            let identity = Identity(stat: file.bytes(atMost: 1_024))
        else { return nil }
        self.file = file
        self.identity = identity
    }

    /// Whether it runs another program now; `nil` if it is gone.
    mutating func hasChanged() -> Bool? {
        guard let now = Identity(stat: file.bytes(atMost: 1_024)) else { return nil }
        defer { identity = now }
        return now != identity
    }
}
