// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("The program that a process runs")
struct RemoteProgramTests {
    @Test("is told by when and where it was loaded")
    func identity() {
        let fields = (3...52).map { "\($0)" }.joined(separator: " ")
        let identity = RemoteProgram.Identity(stat: Array("12 (a) b) R \(fields.dropFirst(2))\n".utf8))
        #expect(identity?.start == 22 && identity?.code == 26 && identity?.stack == 28)
        #expect(RemoteProgram.Identity(stat: Array("12 (a) R 1 2".utf8)) == nil)
        #expect(RemoteProgram.Identity(stat: Array("12 (a) b) Z \(fields.dropFirst(2))\n".utf8)) == nil)
        #expect(RemoteProgram.Identity(stat: []) == nil)
    }

    @Test("is another one after exec, whose stacks are then read, and none at the end")
    func exec() throws {
        let script = "echo ready; sleep 1.5; exec sleep 600"
        let target = try TargetProcess(["sh", "-c", script], untilLine: "ready")
        var reader = try RemoteStackReader(process: target.identifier)
        var program = try #require(RemoteProgram(process: target.identifier))
        #expect(program.hasChanged() == false)
        _ = try reader.stack(of: target.identifier, "sleep sleeps") { stack in
            stack.frames.contains { $0.module == "sleep" || $0.module == "coreutils" || $0.module == "busybox" }
        }
        #expect(program.hasChanged() == true)
        #expect(program.hasChanged() == false)
        kill(target.identifier, SIGKILL)
        try eventually("the thread is gone") {
            reader.stack(of: target.identifier, allowsStop: false) == .failure(.threadGone)
        }
    }

    @Test("tells functions that have no name apart by where they begin")
    func nameless() throws {
        let target = try TargetProcess(["sh", "-c", "echo ready; exec sleep 600"], untilLine: "ready")
        var reader = try RemoteStackReader(process: target.identifier)
        let stack = try reader.stack(of: target.identifier, "sleep sleeps") { stack in
            stack.frames.contains { $0.module == "sleep" || $0.module == "coreutils" || $0.module == "busybox" }
        }
        // Distributions strip such programs.
        for frame in stack.frames {
            guard frame.function.hasPrefix(frame.module + "+0x") else { continue }
            let start = try #require(UInt64(frame.function.dropFirst(frame.module.count + 3), radix: 16))
            #expect(start < frame.moduleOffset && frame.moduleOffset - start < 1 << 20, "\(frame)")
        }
    }
}
