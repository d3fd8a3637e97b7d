// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The command that gives this program the rights it lacks to look into processes.
package enum RightsGrant {
    /// The command for this program, as it runs now.
    ///
    /// - Parameter isOwner: whether the files of the process under /proc belong to this user. What a thread sleeps in is in
    ///   one that only its owner may open, whatever else a reader may do.
    package static func command(isOwner: Bool) -> String {
        let program = program ?? "\"$(command -v loopwatch)\""
        return command(user: geteuid(), isOwner: isOwner, isFiltered: isFiltered, program: program)
    }

    /// Whether calls of this process go through a filter, as in containers (seccomp(2), mode 2).
    package static var isFiltered: Bool {
        let status = WholeFile.bytes(at: "/proc/self/status", atMost: 8_192)
        return ProcessStatus(status).decimal("Seccomp:") == 2
    }

    /// The command for a user and a program.
    ///
    /// Rights of a file are of no use to root, which has all that there are where it runs, nor where a filter refuses
    /// calls: there whoever starts the container grants them.
    static func command(user: UInt32, isOwner: Bool, isFiltered: Bool, program: String) -> String {
        guard user != 0, !isFiltered else { return "docker run --cap-add PERFMON --cap-add SYS_PTRACE" }
        let more = isOwner ? "" : "cap_dac_read_search,"
        return "sudo setcap \(more)cap_perfmon,cap_sys_ptrace=ep \(program)"
    }

    private static var program: String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
