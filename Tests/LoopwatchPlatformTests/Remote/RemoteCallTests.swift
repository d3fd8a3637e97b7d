// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Reading where a thread of another process sleeps.
@Suite("Calls of another process's threads")
struct RemoteCallTests {
    private static func call(_ line: String) -> RemoteCall? {
        Array(line.utf8).withUnsafeBytes { RemoteCall($0) }
    }

    @Test("a running thread, one in a page fault, and one in a call")
    func shapes() {
        #expect(Self.call("running\n")?.call == .running)
        #expect(
            Self.call("-1 0x7ffc00000010 0x55e0000000aa\n")?.call
                == .outside(stackPointer: 0x7ffc_0000_0010, programCounter: 0x55e0_0000_00aa)
        )
        let call = Self.call("202 0x5581 0x189 0x0 0x7ffd 0x0 0xffffffff 0x7ffc00000010 0x7f0000000056\n")
        #expect(
            call?.call
                == .inside(
                    number: 202,
                    firstArgument: 0x5581,
                    stackPointer: 0x7ffc_0000_0010,
                    programCounter: 0x7f00_0000_0056
                )
        )
        #expect(call?.secondArgument == 0x189 && call?.fourthArgument == 0x7ffd)
    }

    @Test("lines of another shape are not read")
    func malformed() {
        for line in [
            "", "\n", "232", "232 0x4 0x0 0x0", "x 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "0 1 2 3 4 5 6 7 8",
            "0 0x 0x2 0x3 0x4 0x5 0x6 0x7 0x8", "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x11112222333344445", "-1 0x1",
        ] {
            #expect(Self.call(line) == nil, "\(line)")
        }
    }

    #if arch(x86_64)
        @Test("an epoll descriptor says whose wait it is, and a futex's timeout what kind it is")
        func waits() {
            let epoll = Self.call("232 0x5 0x7ffc 0x400 0xffffffff 0x0 0x0 0x7ffc0010 0x7f0056\n")
            #expect(epoll?.wait?.call == WaitCall(number: 232, descriptor: 5) && epoll?.wait?.isEpoll == true)
            #expect(epoll?.wait?.programCounter == 0x7f0056 && epoll?.isUntimedFutexWait == false)
            let poll = Self.call("7 0x7ffc1230 0x1 0xffffffff 0x0 0x0 0x0 0x7ffc0010 0x7f0056\n")
            #expect(poll?.wait?.isEpoll == false && poll?.wait?.call.descriptor == 0x7ffc_1230)
            let idle = Self.call("202 0x5581 0x189 0x0 0x0 0x0 0xffffffff 0x7ffc0010 0x7f0056\n")
            #expect(idle?.isUntimedFutexWait == true && idle?.isTimedFutexWait == false && idle?.wait == nil)
            let timed = Self.call("202 0x5581 0x189 0x0 0x7ffd 0x0 0xffffffff 0x7ffc0010 0x7f0056\n")
            #expect(timed?.isUntimedFutexWait == false && timed?.isTimedFutexWait == true)
            let waking = Self.call("202 0x5581 0x81 0x1 0x0 0x0 0x0 0x7ffc0010 0x7f0056\n")
            #expect(waking?.isUntimedFutexWait == false)
        }
    #endif
}
