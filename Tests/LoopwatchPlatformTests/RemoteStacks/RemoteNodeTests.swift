// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

/// The Node of this machine, looked at from outside.
@Suite("Stacks of Node", .serialized)
struct RemoteNodeTests {
    /// Whether there is one whose frames are known.
    static let isHere: Bool = {
        let version = TargetProcess.output(of: ["node", "-p", "process.version"]) ?? ""
        return ["v20.", "v22.", "v24."].contains { version.hasPrefix($0) }
    }()

    private static let program = """
        const { execSync } = require('child_process');
        function resize() { execSync('sleep 600'); }
        const crunch = (n) => {
          let total = 0;
          for (;;) total += Math.sqrt(n++);
        };
        class Shop {
          pay(way) { return way === 'exec' ? resize() : crunch(1); }
        }
        console.log('ready');
        setImmediate(function () { new Shop().pay(process.argv[1]); });
        """

    @Test(
        "tell function, file and line",
        .enabled(if: isHere, "there is no Node 20, 22 or 24 here"),
        arguments: ["exec", "compute"]
    )
    func stacks(way: String) throws {
        let target = try TargetProcess(["node", "-e", Self.program, way], untilLine: "ready")
        var reader = try RemoteStackReader(process: target.identifier)
        #expect(reader.remarks.isEmpty && reader.interpreters.count == 1)
        let wanted = way == "exec" ? "resize" : "crunch"
        let stack = try reader.stack(of: target.identifier, "it is in \(wanted)") { stack in
            stack.frames.contains { $0.function == wanted }
                && (way != "exec" || stack.frames.contains { $0.function == "spawnSync" })
        }
        let host = stack.frames.filter { $0.origin == .host }
        #expect(stack.blamed?.function == wanted)
        #expect(host.map(\.function) == [wanted, "pay", "(anonymous)"])
        // Where functions begin.
        #expect(host.map(\.line) == [way == "exec" ? 2 : 3, 8, 11])
        #expect(host.allSatisfy { $0.module == "[eval]" })
        #expect(stack.frames.contains { $0.function == "processImmediate" && $0.file == "node:internal/timers" })
        #expect(!stack.isTruncated && !stack.frames.contains(where: \.isUncertain))
        #expect(stack.frames.contains { $0.function.hasPrefix("__libc_start") })
        if way == "exec" {
            #expect(reader.statistics.stops == 0)
        } else {
            #expect(reader.statistics.stops > 0)
            let omission = reader.stack(of: target.identifier, allowsStop: false)
            #expect(omission == .failure(.running))
        }
    }
}
