// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// The stalls that logs tell of, each once, however many lines and files tell of it, and in any order.
///
/// Lines as JSON name the run of the program and the stall, which is exact. Lines of text have the number of the stall
/// only, which begins anew with each run: there, lines are of one stall if their numbers and targets agree, what each says
/// of its beginning lies close together, and neither the thread nor a second end says otherwise.
struct StallLog {
    /// One stall.
    struct Stall: Equatable {
        /// The latest of its warnings, or the one that tells of its end.
        var record: WarningRecord
        /// When the latest warning of it was written, in Unix nanoseconds.
        var lastUnixNanoseconds: Int64
        /// Where, as the warning that knows it best says it.
        var place: String?
        /// Its stack among ``StallLog/stacks``.
        var stack: Int?
        /// Stalls like it that were not written, as its warnings say.
        var suppressed: UInt64 = 0
        /// The warnings that said so, by their times: one that two files have counts once.
        fileprivate var suppressionTimes: Set<Int64> = []
    }

    /// What warnings of one stall have in common: the run that they are of, or about when they say that it began.
    private enum Key: Hashable {
        case run(String, Name)
        case time(Int64, Name)

        struct Name: Hashable {
            var subject: StallReport.Subject
            var target: String
            var stall: UInt64
        }
    }

    /// The stalls, in the order in which they were found.
    private(set) var stalls: [Stall] = []
    /// The different stacks.
    private(set) var stacks: [Stack] = []
    /// Warnings of stalls beyond ``Limits/logStalls``, and of those that too many others look like.
    private(set) var leftOut = 0
    /// The stalls that a warning may be of.
    private var places: [Key: [Int]] = [:]
    private var stackNumbers: [Stack: Int] = [:]

    /// How far apart two lines of one stall may put its beginning, in nanoseconds: lengths are written in whole
    /// milliseconds, and better evidence may come up while it goes on.
    private static let toleranceNanoseconds: Int64 = 250_000_000

    /// Takes a warning.
    mutating func add(_ record: WarningRecord) {
        let candidates = Set(Self.keys(of: record, isSought: true).flatMap { places[$0] ?? [] }).sorted()
        if let index = candidates.first(where: { Self.isOne(stalls[$0].record, record) }) {
            merge(record, into: index)
            note(place: index)
            return
        }
        guard stalls.count < Limits.logStalls, candidates.count < Limits.logStallsAlike else {
            leftOut += 1
            return
        }
        var stall = Stall(record: record, lastUnixNanoseconds: record.unixNanoseconds)
        note(record, in: &stall)
        stalls.append(stall)
        note(place: stalls.count - 1)
    }

    /// Where a stall is found.
    ///
    /// - Parameter isSought: whether also where one may be that differs from it by what is tolerated.
    private static func keys(of record: WarningRecord, isSought: Bool) -> [Key] {
        let name = Key.Name(subject: record.subject, target: record.target, stall: record.stall)
        let time = record.beganUnixNanoseconds / toleranceNanoseconds
        let times = isSought ? time - 1...time + 1 : time...time
        return times.map { .time($0, name) } + (record.run.map { [.run($0, name)] } ?? [])
    }

    /// A stall may be found by what is known of it now.
    private mutating func note(place index: Int) {
        for key in Self.keys(of: stalls[index].record, isSought: false) where places[key]?.contains(index) != true {
            places[key, default: []].append(index)
        }
    }

    /// Whether two warnings are of one stall.
    private static func isOne(_ known: WarningRecord, _ record: WarningRecord) -> Bool {
        func differ<Value: Equatable>(_ first: Value?, _ second: Value?) -> Bool {
            first != nil && second != nil && first != second
        }
        if differ(known.run, record.run) || differ(known.process, record.process) { return false }
        if known.run != nil, known.run == record.run { return true }
        if known.subject == .loop, differ(known.thread, record.thread) { return false }
        if known.state == .ended, record.state == .ended,
            abs(known.unixNanoseconds - record.unixNanoseconds) > 1_000_000
        {
            return false
        }
        return abs(known.beganUnixNanoseconds - record.beganUnixNanoseconds) <= toleranceNanoseconds
    }

    private mutating func merge(_ record: WarningRecord, into index: Int) {
        var stall = stalls[index]
        note(record, in: &stall)
        stall.lastUnixNanoseconds = max(stall.lastUnixNanoseconds, record.unixNanoseconds)
        let known = stall.record
        let isBetter =
            record.state == .ended
            ? known.state != .ended : known.state != .ended && record.nanoseconds > known.nanoseconds
        if isBetter {
            stall.record = record
            stall.record.run = record.run ?? known.run
            stall.record.process = record.process ?? known.process
            stall.record.thread = record.thread ?? known.thread
        } else {
            stall.record.run = known.run ?? record.run
            stall.record.process = known.process ?? record.process
        }
        stalls[index] = stall
    }

    /// Takes from a warning what it alone may have: the place, the frames and what was suppressed.
    private mutating func note(_ record: WarningRecord, in stall: inout Stall) {
        let isLast = record.unixNanoseconds >= stall.lastUnixNanoseconds
        if let place = record.place, stall.place == nil || isLast { stall.place = place }
        if let stack = record.stack {
            // Frames in full say more than those that a line names.
            let known = stall.stack.map { stacks[$0].frames.count } ?? 0
            if stack.frames.count > known || (isLast && stack.frames.count == known) {
                stall.stack = number(of: stack) ?? stall.stack
            }
        }
        if record.suppressed > 0, stall.suppressionTimes.insert(record.unixNanoseconds).inserted {
            stall.suppressed = stall.suppressed.sum(record.suppressed)
        }
        stall.record.stack = nil
    }

    private mutating func number(of stack: Stack) -> Int? {
        if let number = stackNumbers[stack] { return number }
        guard stacks.count < Limits.logStacks else { return nil }
        stackNumbers[stack] = stacks.count
        stacks.append(stack)
        return stacks.count - 1
    }
}
