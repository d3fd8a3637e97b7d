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
        return command(
            user: geteuid(),
            isOwner: isOwner,
            isFiltered: isFiltered || gainsNoRights,
            program: program,
            place: RunningPlace.current()
        )
    }

    /// Whether calls of this process go through a filter, as in containers (seccomp(2), mode 2).
    package static var isFiltered: Bool {
        let status = WholeFile.bytes(at: "/proc/self/status", atMost: 8_192)
        return ProcessStatus(status).decimal("Seccomp:") == 2
    }

    /// Whether rights of files are not given to this process (`no_new_privs`, prctl(2)), as in the unit that is in config/.
    private static var gainsNoRights: Bool {
        let status = WholeFile.bytes(at: "/proc/self/status", atMost: 8_192)
        return ProcessStatus(status).decimal("NoNewPrivs:") == 1
    }

    /// The command for a user and a program.
    ///
    /// Rights of a file are of no use to root, which has all that there are where it runs, nor where a filter refuses
    /// calls: there whoever starts the container or the service grants them.
    ///
    /// - Parameters:
    ///   - user: the user.
    ///   - isOwner: whether the files of the process under /proc belong to that user.
    ///   - isFiltered: whether rights of a file would be of no use.
    ///   - program: the program's file.
    ///   - place: what this process runs in.
    static func command(
        user: UInt32,
        isOwner: Bool,
        isFiltered: Bool,
        program: String,
        place: RunningPlace
    ) -> String {
        guard user != 0, !isFiltered else {
            let container = "docker run --cap-add PERFMON --cap-add SYS_PTRACE"
            switch (place.isContainer, place.unit) {
            case (true, nil): return container
            case (false, let unit?): return edit(unit)
            case (true, let unit?): return "\(container); or \(edit(unit))"
            case (false, nil): return "\(container); or \(edit("UNIT"))"
            }
        }
        let more = isOwner ? "" : "cap_dac_read_search,"
        return "sudo setcap \(more)cap_perfmon,cap_sys_ptrace=ep \(program)"
    }

    /// What to say in a unit; both settings add to what it says already (systemd.exec(5)).
    private static func edit(_ unit: String) -> String {
        "sudo systemctl edit \(unit), [Service] AmbientCapabilities=CAP_SYS_PTRACE CAP_PERFMON CAP_DAC_READ_SEARCH, "
            + "SystemCallFilter=ptrace perf_event_open"
    }

    private static var program: String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
