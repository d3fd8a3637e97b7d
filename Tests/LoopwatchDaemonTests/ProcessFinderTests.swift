// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("Which processes are watched")
struct ProcessFinderTests {
    private static func entry(_ identifier: Int32, arguments: [String], isProgram: Bool = true) -> ProcessEntry {
        ProcessEntry(
            identifier: identifier,
            parent: 1,
            startTicks: 1,
            shortName: "server",
            arguments: arguments,
            isProgram: isProgram
        )
    }

    private static func found(_ entry: ProcessEntry) -> [Int32] {
        ProcessFinder(rules: [DaemonConfiguration.Rule(selector: .identifier(entry.identifier))])
            .find(among: [entry])
            .map(\.entry.identifier)
    }

    @Test("one whose command line is empty, as it is while a program is being executed, is watched")
    func executing() {
        #expect(Self.found(Self.entry(70, arguments: [])) == [70])
        #expect(Self.found(Self.entry(70, arguments: ["server"])) == [70])
    }

    @Test("a thread of the kernel, and one that has ended, are not")
    func noProgram() {
        #expect(Self.found(Self.entry(70, arguments: [], isProgram: false)).isEmpty)
    }
}
