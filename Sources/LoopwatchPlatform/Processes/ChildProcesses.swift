// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import LoopwatchCore

/// Finds the child process that a thread of another process waits for.
package enum ChildProcesses {
    /// A child process.
    package struct Child: Sendable, Equatable {
        /// Its number.
        package var identifier: Int32
        /// Its name, of at most 15 bytes.
        package var name: String
    }

    /// Children of one thread that are looked at.
    private static let childrenMost = 256

    /// The child that a thread waits for by a call that names it; `nil` if the call names none.
    ///
    /// wait4(2) with a number, and waitid(2) with `P_PID`.
    package static func named(by call: RemoteCall) -> Child? {
        guard case .inside(let number, let first, _, _) = call.call else { return nil }
        let identifier: UInt64
        switch SystemCall.name(of: number) {
        case "wait4": identifier = first
        case "waitid" where first & 0xFFFF_FFFF == 1: identifier = call.secondArgument
        default: return nil
        }
        let child = Int32(truncatingIfNeeded: identifier)
        guard child > 0, let entry = ProcessList.entry(of: child) else { return nil }
        return Child(identifier: child, name: entry.shortName)
    }

    /// Children that a thread has started since an instant, and that have not been taken leave of.
    ///
    /// Of /proc/PID/task/TID/children (proc(5)), which some kernels do not have: then there are none. When a process started
    /// is known to a clock tick, of which there are 100 a second.
    package static func started(by thread: Int32, of process: Int32, since instant: MonotonicInstant) -> [Child] {
        let text = WholeFile.bytes(at: "/proc/\(process)/task/\(thread)/children", atMost: 16 * childrenMost)
        let ticksEachSecond = Int64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        let tickNanoseconds = 1_000_000_000 / ticksEachSecond
        let bootNanoseconds = instant.nanoseconds + Clock.machineSleepNanoseconds()
        return text.split(separator: 0x20).prefix(childrenMost).compactMap { field in
            guard let identifier = Int32(String(decoding: field, as: UTF8.self)),
                let entry = ProcessList.entry(of: identifier),
                entry.startTicks >= bootNanoseconds / tickNanoseconds - 1
            else { return nil }
            return Child(identifier: identifier, name: entry.shortName)
        }
    }
}
