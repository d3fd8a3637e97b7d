// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What stands in the way of reading another process (ptrace(2), "Ptrace access mode checking").
package struct RemoteAccess: Error, Equatable, Sendable {
    /// User of the reader.
    package var ownUser: UInt32
    /// User of the process; `nil` where it is not known.
    package var user: UInt32?
    /// Whether the process may be looked at by its own user: not after it has changed its user, or its file is not readable.
    package var isDumpable: Bool
    /// Yama's setting; 0 where it is absent or lax (Documentation/admin-guide/LSM/Yama.rst).
    package var yamaScope: Int

    /// Describes what is known.
    package init(ownUser: UInt32, user: UInt32?, isDumpable: Bool, yamaScope: Int) {
        self.ownUser = ownUser
        self.user = user
        self.isDumpable = isDumpable
        self.yamaScope = yamaScope
    }

    /// Looks at a process that could not be read.
    init(process: Int32) {
        let folder = "/proc/\(process)"
        var owner = stat()
        let isThere = stat("\(folder)/status", &owner) == 0
        let status = String(decoding: WholeFile.bytes(at: "\(folder)/status", atMost: 8_192), as: UTF8.self)
        let users = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }
        let user = users?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap { UInt32($0) }
        let scope = String(
            decoding: WholeFile.bytes(at: "/proc/sys/kernel/yama/ptrace_scope", atMost: 16).prefix { $0 != 10 },
            as: UTF8.self
        )
        self.init(
            ownUser: geteuid(),
            user: user,
            // The kernel gives the files of a process that may not be looked at to root (proc(5), /proc/pid).
            isDumpable: !isThere || user == nil || owner.st_uid == user,
            yamaScope: Int(scope) ?? 0
        )
    }

    /// What is missing, and the one command that grants it.
    package var text: String {
        let grant = "sudo setcap cap_sys_ptrace+ep \"$(readlink -f \"$(command -v loopwatch)\")\""
        if ownUser == 0 {
            return "even root may not read this process here: CAP_SYS_PTRACE is missing;"
                + " in a container start it with --cap-add SYS_PTRACE"
        }
        if let user, user != ownUser {
            return "the process belongs to user \(user) and this is user \(ownUser): CAP_SYS_PTRACE is missing;"
                + " run as that user or root, or grant it with: \(grant)"
        }
        if !isDumpable {
            return "the process has changed its user, and so is closed to its own: CAP_SYS_PTRACE is missing;"
                + " run as root, or grant it with: \(grant)"
        }
        if yamaScope >= 3 {
            return
                "the kernel forbids reading other processes until the next boot (kernel.yama.ptrace_scope=\(yamaScope))"
        }
        if yamaScope > 0 {
            return "the kernel lets processes be read by their parents only (kernel.yama.ptrace_scope=\(yamaScope));"
                + " run as root, or grant it with: \(grant)"
        }
        return
            "the kernel does not let this process be read: CAP_SYS_PTRACE is missing; run as root, or grant it with: "
            + grant
    }
}
