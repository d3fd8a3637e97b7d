// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

/// The table of system calls.
@Suite("System calls")
struct SystemCallTests {
    #if arch(x86_64)
        private static let known = [
            ("read", 0), ("poll", 7), ("nanosleep", 35), ("fsync", 74), ("gettid", 186), ("futex", 202),
            ("clock_nanosleep", 230), ("epoll_wait", 232), ("openat", 257), ("epoll_pwait", 281), ("rseq", 334),
            ("pidfd_send_signal", 424), ("io_uring_enter", 426), ("epoll_pwait2", 441), ("futex_waitv", 449),
        ]
        private static let unknown = [335, 423, 100_000, -1, .max, .min]
    #elseif arch(arm64)
        private static let known = [
            ("io_setup", 0), ("epoll_pwait", 22), ("fsync", 82), ("read", 63), ("ppoll", 73), ("futex", 98),
            ("nanosleep", 101), ("clock_nanosleep", 115), ("gettid", 178), ("accept4", 242), ("rseq", 293),
            ("pidfd_send_signal", 424), ("io_uring_enter", 426), ("epoll_pwait2", 441), ("futex_waitv", 449),
        ]
        private static let unknown = [245, 423, 100_000, -1, .max, .min]
    #endif

    @Test("numbers and names are those of this architecture")
    func known() {
        for (name, number) in Self.known {
            #expect(SystemCall.name(of: number) == name)
            #expect(SystemCall.number(of: name) == number)
        }
        #expect(SystemCall.futex == SystemCall.number(of: "futex"))
    }

    @Test("a number without a name is named by itself")
    func unknown() {
        for number in Self.unknown { #expect(SystemCall.name(of: number) == "number_\(number)") }
        #expect(SystemCall.number(of: "-") == nil && SystemCall.number(of: "") == nil)
    }

    @Test("the calls that work can end are known here, and sleeps are not among them")
    func endedByWork() throws {
        #expect(!SystemCall.epoll.isEmpty && SystemCall.endedByWork.isSuperset(of: SystemCall.epoll))
        #expect(SystemCall.endedByWork.contains(SystemCall.futex))
        #expect(!SystemCall.endedByWork.contains(try #require(SystemCall.number(of: "clock_nanosleep"))))
    }
}
