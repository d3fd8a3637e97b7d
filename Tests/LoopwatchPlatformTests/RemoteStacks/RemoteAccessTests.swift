// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("What stands in the way of reading a process")
struct RemoteAccessTests {
    @Test(
        "is said, with the command that grants it",
        arguments: [
            (RemoteAccess(ownUser: 0, user: 33, isDumpable: true, yamaScope: 1), "--cap-add SYS_PTRACE"),
            (RemoteAccess(ownUser: 1_000, user: 33, isDumpable: true, yamaScope: 0), "belongs to user 33"),
            (RemoteAccess(ownUser: 33, user: 33, isDumpable: false, yamaScope: 0), "has changed its user"),
            (RemoteAccess(ownUser: 33, user: 33, isDumpable: true, yamaScope: 1), "by their parents only"),
            (RemoteAccess(ownUser: 33, user: 33, isDumpable: true, yamaScope: 3), "until the next boot"),
            (RemoteAccess(ownUser: 33, user: nil, isDumpable: true, yamaScope: 0), "setcap cap_sys_ptrace+ep"),
        ]
    )
    func texts(access: RemoteAccess, part: String) {
        #expect(access.text.contains(part))
        #expect(access.ownUser == 0 || access.yamaScope == 3 || access.text.contains("cap_sys_ptrace+ep"))
    }

    @Test("processes that cannot be read are refused")
    func refused() {
        #expect(throws: RemoteStackProblem.ownProcess) { try problem(of: ProcessIdentifier.own) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: .max) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: 0) }
        #expect(throws: RemoteStackProblem.processGone) { try problem(of: -1) }
        // A thread of the kernel, which has no memory; in a container there is none.
        if RemoteThreadList.name(of: 2, in: 2) == "kthreadd" {
            #expect(throws: RemoteStackProblem.self) { try problem(of: 2) }
        }
    }

    private func problem(of process: Int32) throws {
        let reader = try RemoteStackReader(process: process)
        Issue.record("\(reader.process) can be read")
    }

    @Test("a thread's number in its own namespace is the last")
    func namespaces() {
        let status = Array("Name:\tnode\nNSpid:\t4711\t12\t7\nThreads:\t1\n".utf8)
        #expect(RemoteThreadFiles.innerIdentifier(status: status) == 7)
        #expect(RemoteThreadFiles.innerIdentifier(status: Array("NSpid:\t4711\n".utf8)) == 4_711)
        #expect(RemoteThreadFiles.innerIdentifier(status: Array("Name:\tx\n".utf8)) == nil)
    }
}
