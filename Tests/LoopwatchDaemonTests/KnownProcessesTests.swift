// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("Processes that are known")
struct KnownProcessesTests {
    /// A machine, and which of its processes were read.
    private final class Machine {
        var entries: [Int32: ProcessEntry] = [:]
        var read: [Int32] = []

        func start(_ identifier: Int32, at ticks: UInt64 = 1, as program: String = "server") {
            entries[identifier] = ProcessEntry(
                identifier: identifier,
                parent: 1,
                startTicks: Int64(ticks),
                shortName: program,
                arguments: [program]
            )
        }

        /// What was read since the last time.
        func takeRead() -> [Int32] {
            defer { read = [] }
            return read
        }
    }

    private static func seconds(_ value: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: value * 1_000_000_000)
    }

    @Test("one that starts does not have the others read again, but at times all are")
    func incremental() {
        let machine = Machine()
        for identifier in Int32(10)..<20 { machine.start(identifier) }
        var known = KnownProcesses {
            machine.read.append($0)
            return machine.entries[$0]
        }
        let all = Array(Int32(10)..<20)
        #expect(known.update(all, isWhole: true, now: Self.seconds(0)).map(\.identifier) == all)
        #expect(machine.takeRead() == all)
        machine.start(20)
        machine.entries[11] = nil
        let later = known.update([10] + (12...20), isWhole: false, now: Self.seconds(5))
        #expect(later.map(\.identifier) == [10] + (12...20) && machine.takeRead() == [20])
        _ = known.update([10] + (12...20), isWhole: true, now: Self.seconds(10))
        #expect(machine.takeRead().count == 10)
    }

    @Test("one that is young is read again, as it becomes the program that was meant")
    func young() {
        let machine = Machine()
        machine.start(10, as: "sh")
        var known = KnownProcesses { machine.entries[$0] }
        _ = known.update([10], isWhole: false, now: Self.seconds(0))
        machine.start(10, as: "uvicorn")
        #expect(known.update([10], isWhole: false, now: Self.seconds(1)).first?.arguments == ["uvicorn"])
        machine.start(10, as: "other")
        #expect(known.update([10], isWhole: false, now: Self.seconds(4)).first?.arguments == ["uvicorn"])
        #expect(known.update([10], isWhole: true, now: Self.seconds(10)).first?.arguments == ["other"])
        // Another of the same number is young again.
        machine.start(10, at: 2, as: "sh")
        _ = known.update([10], isWhole: true, now: Self.seconds(20))
        machine.start(10, at: 2, as: "node")
        #expect(known.update([10], isWhole: false, now: Self.seconds(21)).first?.arguments == ["node"])
    }

    @Test("one that has ended before it was read is not in the list")
    func ended() {
        var known = KnownProcesses { _ in nil }
        #expect(known.update([1, 2], isWhole: false, now: Self.seconds(0)).isEmpty)
    }
}
