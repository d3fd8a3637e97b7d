// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

/// What the scheduler's files say, on recorded lines.
@Suite("Scheduler statistics")
struct SchedulerStatisticsTests {
    private func delay(_ text: String) -> Int64? {
        SchedulerStatistics.runDelayNanoseconds(schedstat: Array(text.utf8))
    }

    private func lastRun(_ text: String) -> Int64? {
        SchedulerStatistics.lastRunNanoseconds(sched: Array(text.utf8))
    }

    /// A line of `/proc/PID/stat` with the given name, processor 3, 5 threads.
    static func stat(name: String) -> [UInt8] {
        let fields = (3...52).map { field in
            switch field {
            case 3: "S"
            case 20: "5"
            case 22: "123456"
            case 23: "1073741824"
            case 24: "2048"
            case 39: "3"
            default: "\(field + 1_000)"
            }
        }
        return Array("4242 (\(name)) \(fields.joined(separator: " "))\n".utf8)
    }

    @Test("the second number of schedstat is the time spent waiting for a CPU")
    func delay() {
        #expect(delay("100 2000 30\n") == 2_000)
        #expect(delay("0 9223372036854775807 1") == .max)
        for text in ["", "\n", "1", "1 ", "a b c", "1 9223372036854775808 1", "1 2x 3"] { #expect(delay(text) == nil) }
    }

    @Test("exec_start is milliseconds with six decimals")
    func lastRun() {
        let text = """
            http-0 (4242, #threads: 5)
            -------------------------------------------------------------------
            se.exec_start                                :      69512345.678901
            se.vruntime                                  :         12345.678901
            """
        #expect(lastRun(text) == 69_512_345_678_901)
        #expect(lastRun(text.replacing("69512345.678901", with: "0.000000")) == 0)
    }

    @Test(
        "a file of another shape is not read",
        arguments: [
            "", "se.exec_start", "se.exec_start : 12", "se.exec_start : 12.34", "se.exec_start : 1.2.345678",
            "se.exec_start : a.bcdefg", "se.exec_start : .123456", "se.vruntime : 1.234567",
            // The name of a thread may hold a newline.
            "\nse.exec_start: (4242, #threads: 5)\n---\nse.exec_start : 1.234567",
            "1\n2\n3\n4\nse.exec_start : 1.234567", "se.exec_start : 99999999999999999999.123456",
        ]
    )
    func lastRunMalformed(_ text: String) {
        #expect(lastRun(text) == nil)
    }

    @Test(
        "fields are counted from the end of the name, whatever the name holds",
        arguments: ["http-0", "", ") (", "a) S 1 2", "))))", "(((", "a b c d e f", "\n", "é"]
    )
    func hostileNames(name: String) throws {
        #expect(SchedulerStatistics.processor(stat: Self.stat(name: name)) == 3)
        let process = try #require(ProcessStatistics(stat: Self.stat(name: name)))
        #expect(process.threads == 5 && process.startTicks == 123_456)
        #expect(process.virtualMemoryBytes == 1_073_741_824 && process.residentMemoryPages == 2_048)
    }

    @Test(
        "a line that is cut off or damaged is not read",
        arguments: ["", "4242", "4242 (a", "4242 (a)", "4242 (a) S 1 2"]
    )
    func damaged(_ text: String) {
        #expect(SchedulerStatistics.processor(stat: Array(text.utf8)) == nil)
        #expect(ProcessStatistics(stat: Array(text.utf8)) == nil)
    }

    @Test("numbers that are none are not read")
    func noNumbers() {
        let text = String(decoding: Self.stat(name: "a"), as: UTF8.self)
        #expect(ProcessStatistics(stat: Array(text.replacing(" 5 ", with: " x ").utf8)) == nil)
        #expect(SchedulerStatistics.processor(stat: Array(text.replacing(" 3 ", with: " 3x ").utf8)) == nil)
    }
}
