// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What stands in the way of looking into another process (ptrace(2), "Ptrace access mode checking").
package struct RemoteAccess: Error, Equatable, Sendable {
    /// User of the reader.
    package var ownUser: UInt32
    /// User of the process; `nil` where it is not known.
    package var user: UInt32?
    /// Whether the process may be looked at by its own user: not after it has changed its user, or its file is not readable.
    package var isDumpable: Bool
    /// Whether the process has capabilities that the reader has not, such as one that may listen at port 80.
    package var hasMoreCapabilities: Bool
    /// Yama's setting; 0 where it is absent or lax (Documentation/admin-guide/LSM/Yama.rst).
    package var yamaScope: Int

    /// Describes what is known.
    package init(
        ownUser: UInt32,
        user: UInt32?,
        isDumpable: Bool,
        hasMoreCapabilities: Bool = false,
        yamaScope: Int
    ) {
        self.ownUser = ownUser
        self.user = user
        self.isDumpable = isDumpable
        self.hasMoreCapabilities = hasMoreCapabilities
        self.yamaScope = yamaScope
    }

    /// Looks at a process that could not be read.
    package init(process: Int32) {
        let folder = "/proc/\(process)"
        var owner = stat()
        let isThere = stat("\(folder)/status", &owner) == 0
        let status = ProcessStatus(WholeFile.bytes(at: "\(folder)/status", atMost: 8_192))
        let own = ProcessStatus(WholeFile.bytes(at: "/proc/self/status", atMost: 8_192))
        // The user that it acts as is the second.
        let user = status.decimal("Uid:", at: 1).flatMap { UInt32(exactly: $0) }
        let scope = WholeFile.bytes(at: "/proc/sys/kernel/yama/ptrace_scope", atMost: 16).prefix { $0 != 10 }
        self.init(
            ownUser: geteuid(),
            user: user,
            // The kernel gives the files of a process that may not be looked at to root (proc(5), /proc/pid).
            isDumpable: !isThere || user == nil || owner.st_uid == user,
            hasMoreCapabilities: (status.bits("CapPrm:") ?? 0) & ~(own.bits("CapEff:") ?? 0) != 0,
            yamaScope: Int(String(decoding: scope, as: UTF8.self)) ?? 0
        )
    }

    /// What is missing, and the one command that grants it.
    package var text: String { grant.map { "\(reason); grant with: \($0)" } ?? reason }

    /// What is missing.
    package var reason: String {
        if ownUser == 0 { return "even root may not look into this process here: CAP_SYS_PTRACE is missing" }
        if let user, user != ownUser {
            return "the process belongs to user \(user) and this is user \(ownUser): CAP_SYS_PTRACE is missing"
        }
        if !isDumpable { return "the process hides itself from its own user, as one does that has changed its user" }
        if hasMoreCapabilities { return "the process has capabilities that this one has not" }
        if yamaScope >= 3 {
            return
                "the kernel forbids looking into processes until the next boot (kernel.yama.ptrace_scope is \(yamaScope))"
        }
        if yamaScope > 0 {
            return "the kernel lets parents alone look into processes (kernel.yama.ptrace_scope is \(yamaScope)), "
                + "as `loopwatch exec -- COMMAND` is one"
        }
        return "the kernel does not let this user look into the process: CAP_SYS_PTRACE is missing"
    }

    /// The command that grants it; `nil` where nothing does.
    package var grant: String? {
        guard ownUser == 0 || yamaScope < 3 else { return nil }
        return RightsGrant.command(isOwner: isDumpable && (user == nil || user == ownUser))
    }
}
