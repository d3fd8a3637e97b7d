// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

/// When the report of a block is prepared: before it is due, once for each job, and for no job that is short.
@Suite("Preparation of reports")
struct PreparationTests {
    private static func policy(threshold: Double) -> DetectionPolicy {
        DetectionPolicy(
            resolutionNanoseconds: .milliseconds(10),
            thresholds: Thresholds(warning: .nanoseconds(Int64.milliseconds(threshold)))
        )
    }

    private var detector = StallDetector(policy: policy(threshold: 100), now: at(0))
    private let interruptions = InterruptionLog()

    /// Looks, posts the beat that is asked for, and returns what else is to be done.
    private mutating func look(_ milliseconds: Double, _ progress: Observation.Progress) -> [StallDetector.Action] {
        let computed: Int64? = progress == .free ? 0 : .milliseconds(10)
        let actions = detector.looked(
            Observation(
                instant: at(milliseconds),
                progress: progress,
                thread: 7,
                computedNanoseconds: computed,
                delayedNanoseconds: 0,
                runs: 0,
                isReady: progress != .free
            ),
            interruptions: interruptions
        )
        if actions.contains(.postBeat) { detector.beatPosted(at: at(milliseconds)) }
        return actions.filter { $0 != .postBeat }
    }

    private var nextLook: Double? {
        detector.nextLook(interruptions: interruptions).map { Double($0.nanoseconds) / 1e6 }
    }

    private static func drafts(_ actions: [StallDetector.Action]) -> [ReportDraft] {
        actions.compactMap { if case .report(let draft) = $0 { draft } else { nil } }
    }

    @Test("a look 25 ms before the threshold has it prepared, once, and the begun report alone says by which number")
    mutating func once() throws {
        #expect(look(0, .free) == [])
        #expect(look(10, .busy) == [])
        for instant in stride(from: 20.0, through: 70, by: 10) { #expect(look(instant, .busy) == []) }
        #expect(nextLook == 75)
        #expect(look(75, .busy) == [.prepare(Preparation(number: 1, thread: 7))])
        #expect(nextLook == 85)
        #expect(look(85, .busy) == [])
        let begun = try #require(Self.drafts(look(100, .busy)).first)
        #expect(begun.state == .begun && begun.preparation == 1)
        var later: [ReportDraft] = []
        for instant in stride(from: 110.0, through: 200, by: 10) { later += Self.drafts(look(instant, .busy)) }
        #expect(later.map(\.state) == [.ongoing] && later[0].preparation == nil)
        let ended = detector.beatRan(at: at(205), posted: at(10), interruptions: interruptions)
        #expect(Self.drafts(ended).first?.preparation == nil)
    }

    @Test("a look is made for it, where the others would come too early or too late")
    mutating func ownLook() {
        #expect(look(3, .free) == [])
        #expect(look(13, .busy) == [])
        for instant in stride(from: 23.0, through: 73, by: 10) { #expect(look(instant, .busy) == []) }
        // The block is held to have begun at 3, so its preparation is due at 78.
        #expect(nextLook == 78)
        #expect(look(77.5, .busy) == [.prepare(Preparation(number: 1, thread: 7))])
        #expect(nextLook == 87.5)
    }

    @Test("what is found late is prepared at once, and what is found too late is not")
    mutating func foundLate() {
        #expect(look(0, .free) == [])
        let busy = Observation(
            instant: at(95),
            progress: .busy,
            thread: 7,
            computedNanoseconds: .milliseconds(94),
            delayedNanoseconds: 0,
            runs: 1,
            isReady: true
        )
        var other = detector
        let actions = detector.looked(busy, interruptions: interruptions)
        #expect(actions.contains(.prepare(Preparation(number: 1, thread: 7))))
        var late = busy
        late.instant = at(120)
        late.computedNanoseconds = .milliseconds(119)
        _ = other.looked(late, interruptions: interruptions)
        other.beatPosted(at: at(120))
        late.instant = at(122)
        late.computedNanoseconds = .milliseconds(2)
        let told = other.looked(late, interruptions: interruptions)
        #expect(Self.drafts(told).map(\.state) == [.begun])
    }

    @Test("a job that went on to another is prepared anew, with another number")
    mutating func anotherJob() {
        #expect(look(0, .free) == [])
        #expect(look(10, .busy) == [])
        for instant in stride(from: 20.0, through: 70, by: 10) { #expect(look(instant, .busy) == []) }
        #expect(look(80, .busy) == [.prepare(Preparation(number: 1, thread: 7))])
        #expect(look(90, .advanced) == [])
        var prepared: [StallDetector.Action] = []
        var begun: ReportDraft?
        for instant in stride(from: 100.0, through: 200, by: 5) {
            for action in look(instant, .busy) {
                switch action {
                // That it went on to another while a beat waits is a congestion, for which nothing is prepared.
                case .report(let draft) where draft.kind == .congestion: #expect(draft.preparation == nil)
                case .report(let draft): begun = begun ?? draft
                default: prepared.append(action)
                }
            }
        }
        #expect(prepared == [.prepare(Preparation(number: 2, thread: 7))])
        #expect(begun?.kind == .stall && begun?.preparation == 2)
    }

    @Test("short jobs, and a target that never answered and need not, are not prepared for")
    mutating func notNeeded() {
        for round in 0..<20 {
            let start = Double(round) * 100
            #expect(look(start, .free) == [])
            for instant in stride(from: 10.0, through: 70, by: 10) { #expect(look(start + instant, .busy) == []) }
            let ended = detector.beatRan(at: at(start + 75), posted: at(start + 10), interruptions: interruptions)
            #expect(ended == [])
        }
        var policy = Self.policy(threshold: 100)
        policy.reportsBeforeFirstAnswer = false
        detector = StallDetector(policy: policy, now: at(0))
        for instant in stride(from: 10.0, through: 300, by: 10) { #expect(look(instant, .busy) == []) }
    }

    @Test("never more than half of the threshold before it")
    func shortThresholds() {
        #expect(Self.policy(threshold: 100).preparationNanoseconds == .milliseconds(25))
        #expect(Self.policy(threshold: 5).preparationNanoseconds == .milliseconds(2.5))
    }

    @Test("each reported block of a loop that is looked at closely was prepared for, and no other block")
    func manyBlocks() {
        var generator = SeededGenerator(seed: 20)
        var jobs: [SimulatedLoop.Job] = []
        var now: Int64 = .milliseconds(50)
        for _ in 0..<300 {
            let length = Int64.random(in: .milliseconds(1)...(.milliseconds(300)), using: &generator)
            jobs.append(SimulatedLoop.Job(begin: now, end: now + length, work: .computing))
            now += length + Int64.random(in: .milliseconds(1)...(.milliseconds(200)), using: &generator)
        }
        var driver = DetectorDriver(
            SimulatedLoop(jobs: jobs, evidence: .thread),
            policy: Self.policy(threshold: 100)
        )
        driver.run(until: now, checking: &generator)
        let begun = driver.reports.filter { $0.state == .begun }
        #expect(begun.count > 100)
        var prepared = 0
        for draft in begun {
            guard let number = draft.preparation else { continue }
            prepared += 1
            let at = driver.preparations.first { $0.number == number }!.at
            #expect((0...26_000_000).contains(draft.until.nanoseconds - at))
        }
        #expect(prepared * 100 >= begun.count * 95)
        #expect(Set(driver.preparations.map(\.number)).count == driver.preparations.count)
        for preparation in driver.preparations {
            #expect(jobs.contains { $0.begin <= preparation.at && preparation.at - $0.begin >= .milliseconds(73) })
        }
    }
}

/// How many blocks may be captured in a second.
@Suite("Budget of captures")
struct CaptureBudgetTests {
    @Test(
        "as many as are saved at once, then as many as a second has",
        arguments: [1, Limits.preparationsPerSecond, Limits.reportCapturesPerSecond]
    )
    func limit(perSecond: Int) {
        var budget = CaptureBudget(perSecond: perSecond, now: at(0))
        var admitted = (0..<1_000).count { _ in budget.admit(now: at(1)) }
        #expect(admitted == perSecond)
        admitted = (1...3_000).count { budget.admit(now: at(Double($0))) }
        #expect((3 * perSecond - 1...3 * perSecond).contains(admitted))
        admitted = (0..<1_000).count { _ in budget.admit(now: at(1_000_000)) }
        #expect(admitted == perSecond)
    }
}
