// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Lines of `/proc/PID/task/TID/syscall`.
@Suite("Thread call")
struct ThreadCallTests {
    private static let line =
        "232 0x5 0x7f3a1c000b20 0x40 0xffffffffffffffff 0x0 0x8 0x7ffd5c1b0a80 0x7f3a2b1e2a3c\n"

    private static func numbered(_ number: Int) -> ThreadCall? {
        ThreadCall(Array("\(number) 0xa 0x2 0x3 0x4 0x5 0x6 0x7ff0 0x8".utf8))
    }

    @Test("a sleeping thread's line tells the call, its first argument and the two registers")
    func inside() {
        let call = ThreadCall(Array(Self.line.utf8))
        #expect(
            call
                == .inside(
                    number: 232,
                    firstArgument: 5,
                    stackPointer: 0x7ffd_5c1b_0a80,
                    programCounter: 0x7f3a_2b1e_2a3c
                )
        )
    }

    @Test("a running thread, and one that sleeps outside any call, say so")
    func others() {
        #expect(ThreadCall(Array("running\n".utf8)) == .running)
        let outside = ThreadCall.outside(stackPointer: 0x7ffd_5c1b_0a80, programCounter: 0x7f3a_2b1e_2a3c)
        #expect(ThreadCall(Array("-1 0x7ffd5c1b0a80 0x7f3a2b1e2a3c\n".utf8)) == outside)
        for call in [ThreadCall.running, outside] { #expect(call.waitSignature == nil && call.blockingCall == nil) }
        for line in ["-1\n", "-1 0x1\n", "-1 0x1 2\n", "-1 0x1 0x2 0x3\n"] {
            #expect(ThreadCall(Array(line.utf8)) == nil)
        }
    }

    @Test("the highest numbers are read as they are")
    func highest() {
        let text = "9999999999999999 0xffffffffffffffff 0x0 0x0 0x0 0x0 0x0 0xffffffffffffffff 0xffffffffffffffff"
        #expect(
            ThreadCall(Array(text.utf8))
                == .inside(
                    number: 9_999_999_999_999_999,
                    firstArgument: .max,
                    stackPointer: .max,
                    programCounter: .max
                )
        )
    }

    @Test(
        "a line of another shape is not read at all",
        arguments: [
            "", "\n", " ", "232", "232 0x5", "-2 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8",
            "0x1 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8",
            "232 5 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "232 0x 0x2 0x3 0x4 0x5 0x6 0x7 0x8",
            "232 0xg 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "232 0xA 0x2 0x3 0x4 0x5 0x6 0x7 0x8",
            "232 0x1 0x2 0x3 0x4 0x5 0x6 0x7", "232 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8 0x9",
            "232 0x1 0x2 0x3 0x4 0x5 0x6 7 0x8", "232 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x1ffffffffffffffff",
            "99999999999999999 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "23a 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "runnin",
            "ff 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "\u{0}\u{0}\u{0}",
        ]
    )
    func malformed(_ text: String) {
        #expect(ThreadCall(Array(text.utf8)) == nil)
    }

    @Test("no line of random bytes, and no damaged line, does harm")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var bytes = Array(Self.line.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(
                    in: 0 ... .max,
                    using: &generator
                )
            }
            _ = ThreadCall(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
        }
    }

    @Test("a wait on an epoll descriptor is told by it, any other by the stack too; sleeps are no waits")
    func signatures() throws {
        let epoll = try #require(SystemCall.number(of: "epoll_pwait"))
        let signature = Self.numbered(epoll)?.waitSignature
        #expect(signature == WaitSignature(number: epoll, firstArgument: 10, stackPointer: 0))
        let futex = Self.numbered(SystemCall.futex)?.waitSignature
        #expect(futex == WaitSignature(number: SystemCall.futex, firstArgument: 10, stackPointer: 0x7ff0))
        for name in ["nanosleep", "clock_nanosleep", "fsync", "write", "connect", "flock"] {
            let number = try #require(SystemCall.number(of: name))
            #expect(Self.numbered(number)?.waitSignature == nil)
            #expect(Self.numbered(number)?.blockingCall == BlockingCall(name: name, isLock: false))
        }
        #expect(Self.numbered(SystemCall.futex)?.blockingCall == BlockingCall(name: "futex", isLock: true))
    }
}
