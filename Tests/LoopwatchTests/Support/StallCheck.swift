// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

/// How to run something on a target.
typealias Execute = (@escaping @Sendable () -> Void) -> Void

/// Blocks a target until the begun report has arrived, and checks all that is said of the block.
///
/// - Parameters:
///   - target: the target that is blocked.
///   - hold: blocks it.
///   - causes: what the cause may be; `nil` for the one of the hold.
///   - watch: the watch.
///   - recorder: what the watch logs to.
///   - execute: runs a job on the target.
func checkStall(
    of target: String,
    by hold: Hold,
    causes: Set<String>? = nil,
    _ watch: Loopwatch,
    _ recorder: ReportRecorder,
    _ execute: Execute
) throws {
    defer { hold.release() }
    let before = recorder.all.count
    func isNew(_ report: StallReport) -> Bool {
        report.sequence > (before == 0 ? 0 : recorder.all[before - 1].sequence) && report.target == target
    }
    execute { hold.run() }
    let begun = try recorder.wait(for: "the begun report of \(target)") { isNew($0) && $0.state == .begun }
    #expect(hold.hasBegun)
    #expect(!hold.hasEnded, "the report came while blocked")
    #expect(begun.kind == .stall)
    #expect(try watch.statistics(of: target).currentStallNanoseconds ?? 0 > 0)
    hold.release()
    let ended = try recorder.wait(for: "the ended report of \(target)") { isNew($0) && $0.state == .ended }
    try eventually("the job ends") { hold.hasEnded }
    try watch.settle()
    #expect(ended.stall == begun.stall)
    let reports = recorder.all.dropFirst(before).filter { $0.kind != .interruption }
    #expect(reports.allSatisfy { $0.target == target && $0.stall == begun.stall }, "\(recorder.lines)")
    #expect(reports.count { $0.state == .begun } == 1, "\(recorder.lines)")
    #expect(reports.count { $0.state == .ended } == 1, "\(recorder.lines)")
    #expect(reports.map(\.sequence) == reports.map(\.sequence).sorted())
    // A target that waited is looked at a threshold apart, so a beginning for which there is no better evidence is off by
    // half of that, and by a little more where the machine is loaded; what it took from the process is told apart.
    let told = ended.durationNanoseconds + ended.interruptedNanoseconds
    #expect(told > hold.nanoseconds - 180_000_000, "told \(told), measured \(hold.nanoseconds)")
    #expect(told < hold.nanoseconds + 1_000_000_000, "told \(told), measured \(hold.nanoseconds)")
    let causes = causes ?? hold.causes
    #expect(causes.contains(ended.cause.text), "\(ended.cause.text) is none of \(causes): \(recorder.lines)")
    #expect(try watch.statistics(of: target).currentStallNanoseconds == nil)
}

/// Runs jobs of about a millisecond, one after another, and checks that nothing is said of them.
func checkShortJobs(
    on target: String,
    count: Int = 50,
    _ watch: Loopwatch,
    _ recorder: ReportRecorder,
    _ execute: Execute
) throws {
    let before = recorder.reports.count
    for number in 0..<count {
        let hold = Hold(number.isMultiple(of: 2) ? .sleeping : .computing)
        hold.release()
        execute { hold.run() }
        try eventually("job \(number) on \(target) has run") { hold.hasEnded }
    }
    try watch.settle()
    #expect(recorder.reports.count == before, "\(recorder.lines)")
}
