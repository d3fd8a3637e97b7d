// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Interpreted frames among native ones")
struct StackInterleavingTests {
    private func native(_ name: String) -> StackInterleaving.Native {
        let role: StackInterleaving.Role =
            name == "loop" ? .loop : name.hasPrefix("Py") ? .interpreter : .other
        let frame = StackFrame(function: name, module: "m", origin: .system)
        return StackInterleaving.Native(
            frame: NamedFrame(frame: frame, kind: .function),
            raw: RawFrame(address: 1, isReturnAddress: true),
            role: role
        )
    }

    private func placed(_ natives: String, _ calls: [[String]], isTruncated: Bool = false) -> String {
        StackInterleaving.place(
            native: natives.split(separator: " ").map { native(String($0)) },
            isTruncated: isTruncated,
            calls: calls.map { call in
                call.map {
                    NamedFrame(frame: StackFrame(function: $0, module: "a.py", origin: .host), kind: .function)
                }
            }
        )
        .map(\.frame.frame.function).joined(separator: " ")
    }

    @Test("stand in place of the loop that runs them")
    func inPlace() {
        #expect(
            placed("nanosleep Py_sleep loop Py_Call ext Py_Vector loop Py_Main libc", [["f"], ["g", "main"]])
                == "nanosleep Py_sleep f ext g main libc"
        )
    }

    @Test("stand together where loops and calls do not match")
    func mismatch() {
        #expect(placed("nanosleep loop Py_Call ext loop libc", [["f", "g", "main"]]) == "nanosleep f g main libc")
        #expect(placed("nanosleep loop libc", [["f"], ["g"]]) == "nanosleep f g libc")
    }

    @Test("go on where the native frames end early")
    func truncated() {
        #expect(placed("nanosleep loop ext", [["f"], ["g"], ["main"]], isTruncated: true) == "nanosleep f ext g main")
        #expect(placed("nanosleep lib", [["f"], ["main"]], isTruncated: true) == "nanosleep lib f main")
        #expect(placed("", [["f"], ["main"]], isTruncated: true) == "f main")
    }

    @Test("no interpreted frame leaves the native ones as they are")
    func none() {
        #expect(placed("poll Py_x main libc", []) == "poll Py_x main libc")
    }
}
