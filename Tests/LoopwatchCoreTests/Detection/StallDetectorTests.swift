// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// The detector, step by step: what it says to one event after another.
@Suite("Stall detector")
struct StallDetectorTests {
    private static let policy = DetectionPolicy(
        resolutionNanoseconds: .milliseconds(10),
        thresholds: Thresholds(warning: .milliseconds(100), error: .milliseconds(300), critical: .milliseconds(700))
    )
    /// A detector of a pool, else with the same policy.
    private static var pool: StallDetector {
        var policy = policy
        policy.isPool = true
        return StallDetector(policy: policy, now: at(0))
    }
    private var detector = StallDetector(policy: policy, now: at(0))
    private var interruptions = InterruptionLog()

    /// Posts the beat that is asked for; returns what is reported.
    private mutating func perform(_ actions: [StallDetector.Action], at milliseconds: Double) -> [ReportDraft] {
        actions.compactMap { action in
            switch action {
            case .report(let draft): return draft
            case .prepare: return nil
            case .postBeat:
                #expect(!detector.isBeatOut)
                detector.beatPosted(at: at(milliseconds))
                return nil
            }
        }
    }

    private mutating func look(
        _ milliseconds: Double,
        _ progress: Observation.Progress,
        isQuiet: Bool = false
    ) -> [ReportDraft] {
        look(Observation(instant: at(milliseconds), progress: progress, isProcessQuiet: isQuiet))
    }

    private mutating func look(_ observation: Observation) -> [ReportDraft] {
        let actions = detector.looked(observation, interruptions: interruptions)
        return perform(actions, at: Double(observation.instant.nanoseconds) / 1e6)
    }

    private mutating func isStillFree(_ milliseconds: Double) -> Bool {
        detector.stillFree(at: at(milliseconds))
    }

    private mutating func answer(_ milliseconds: Double, posted: Double) -> [ReportDraft] {
        let actions = detector.beatRan(at: at(milliseconds), posted: at(posted), interruptions: interruptions)
        return perform(actions, at: milliseconds)
    }

    private func counters(_ milliseconds: Double) -> StallStatistics {
        detector.statistics(
            at: at(milliseconds),
            unixNanoseconds: .milliseconds(milliseconds),
            interruptions: interruptions
        )
    }

    private var nextLook: Double? {
        detector.nextLook(interruptions: interruptions).map { Double($0.nanoseconds) / 1e6 }
    }

    private var slack: Int64? {
        detector.nextLook(interruptions: interruptions).map { detector.lookSlackNanoseconds(before: $0) }
    }

    @Test("a loop that waits never gets a beat, and is looked at once a threshold")
    mutating func idle() {
        #expect(look(10, .free).isEmpty)
        #expect(look(20, .free).isEmpty)
        for count in 1...100 {
            let instant = 20 + Double(count) * 100
            #expect(nextLook == instant)
            // Every other time it is known for less that nothing ran.
            if count % 2 == 0 {
                #expect(look(instant, .free).isEmpty)
            } else {
                #expect(isStillFree(instant))
            }
        }
        #expect(counters(10_020).beats == 0)
        #expect(counters(10_020).parkChecks == 102)
        #expect(slack == .milliseconds(50))
    }

    @Test("a loop that computes now and then is looked at every resolution until it waits again")
    mutating func lively() {
        func free(_ instant: Double, computed: Double) -> Observation {
            Observation(instant: at(instant), progress: .free, computedNanoseconds: .milliseconds(computed))
        }
        for instant in stride(from: 10.0, through: 200, by: 10) {
            #expect(look(free(instant, computed: 1)).isEmpty)
            #expect(nextLook == instant + 10 && slack == .milliseconds(5))
        }
        #expect(look(free(210, computed: 0.1)).isEmpty)
        #expect(nextLook == 310)
        #expect(look(free(310, computed: 1.1)).isEmpty)
        #expect(nextLook == 320)
        #expect(isStillFree(320))
        #expect(nextLook == 420)
    }

    @Test("a thread that sleeps elsewhere is looked at soon: it takes the beat, or waits for something else")
    mutating func asleepElsewhere() {
        func asleep(_ instant: Double, since: Double? = nil) -> Observation {
            var observation = Observation(instant: at(instant), progress: since == nil ? .unknown : .busy, thread: 7)
            observation.runs = since == nil ? 1 : 0
            observation.isAsleepElsewhere = since == nil
            observation.sleepingSince = since.map { at($0) }
            observation.call = since == nil ? nil : BlockingCall(name: "futex", isLock: true)
            return observation
        }
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        // Found asleep a threshold later: half a millisecond on, it has been blocked since the beginning of its sleep.
        #expect(look(asleep(120)).isEmpty && detector.isBeatOut)
        #expect(nextLook == 120.5)
        let reports = look(asleep(120.5, since: 20.25))
        #expect(reports.map(\.state) == [.begun] && reports.map(\.durationNanoseconds) == [.milliseconds(100.25)])
        #expect(answer(130.25, posted: 120).map(\.durationNanoseconds) == [.milliseconds(110)])
        // One that takes the beat had nothing to do, and of it nothing is said.
        #expect(look(140, .free).isEmpty && look(150, .free).isEmpty)
        #expect(look(asleep(250)).isEmpty)
        #expect(answer(250.1, posted: 250).isEmpty)
        #expect(look(252, .free).isEmpty)
        // Where the threshold is not near, there is time to see whether it does.
        #expect(look(asleep(300)).isEmpty && detector.isBeatOut)
        #expect(nextLook == 302)
        #expect(answer(300.1, posted: 300).isEmpty)
        #expect(counters(302).stallDuration.count == 1)
    }

    @Test("a pool has the time to start a thread for the beat, however near the threshold is")
    mutating func poolAsleepElsewhere() {
        detector = Self.pool
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        var asleep = Observation(instant: at(120), progress: .unknown)
        asleep.isAsleepElsewhere = true
        #expect(look(asleep).isEmpty && detector.isBeatOut)
        #expect(nextLook == 122)
    }

    @Test("an idle pool is looked at so soon that a beat has the time to be answered before a report is due")
    mutating func idlePool() {
        detector = Self.pool
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        #expect(nextLook == 118)
        var blocked = Observation(instant: at(118), progress: .unknown, isProcessQuiet: true)
        #expect(look(blocked).isEmpty && detector.isBeatOut && nextLook == 120)
        blocked.instant = at(120)
        blocked.sleepingSince = at(20)
        #expect(look(blocked).map(\.durationNanoseconds) == [.milliseconds(100)])
    }

    @Test("a thread that ran twice before it was found asleep is looked at again before its block can be due")
    mutating func lostItsCPUOnce() {
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        var asleep = Observation(instant: at(115), progress: .busy)
        asleep.call = BlockingCall(name: "clock_nanosleep", isLock: false)
        asleep.runs = 2
        asleep.computedNanoseconds = 0
        asleep.sleepingSince = at(21)
        #expect(look(asleep).isEmpty)
        #expect(nextLook == 120)
        asleep.instant = at(120)
        asleep.runs = 0
        #expect(look(asleep).isEmpty)
        #expect(nextLook == 121)
        asleep.instant = at(121)
        #expect(look(asleep).map(\.durationNanoseconds) == [.milliseconds(100)])
    }

    @Test("a thread that nothing was known of, and that slept after it was seen to run, may have slept before as well")
    mutating func napsOfUnknownThread() {
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        // It ran for 0.3 ms since it was made, and runs just now.
        #expect(look(Observation(instant: at(110), progress: .busy, computedNanoseconds: .milliseconds(0.3))).isEmpty)
        var asleep = Observation(instant: at(120), progress: .busy, computedNanoseconds: .milliseconds(0.1), runs: 2)
        asleep.delayedNanoseconds = 0
        asleep.call = BlockingCall(name: "clock_nanosleep", isLock: false)
        asleep.sleepingSince = at(118)
        #expect(look(asleep).isEmpty)
        asleep.sleepingSince = nil
        asleep.instant = at(160)
        #expect(look(asleep).isEmpty)
        // It began somewhere between the latest proof of freedom, at 20, and the look that saw it, at 110.
        asleep.instant = at(165)
        #expect(look(asleep).map(\.durationNanoseconds) == [.milliseconds(100)])
    }

    @Test(
        "a short sleep that may be one of many is not taken for the beginning before it is a long one",
        arguments: [nil, 7] as [Int64?]
    )
    mutating func oneOfManySleeps(runs: Int64?) {
        #expect(look(10, .free).isEmpty && look(20, .free).isEmpty)
        var asleep = Observation(instant: at(110), progress: .busy, computedNanoseconds: 0, runs: runs)
        asleep.delayedNanoseconds = 0
        asleep.call = BlockingCall(name: "clock_nanosleep", isLock: false)
        #expect(look(asleep).isEmpty)
        asleep.instant = at(112)
        asleep.runs = 0
        asleep.sleepingSince = at(95)
        #expect(look(asleep).isEmpty)
        #expect(detector.wantsBlockStart(at: at(122)))
        // It has slept again since.
        asleep.instant = at(122)
        asleep.runs = 1
        asleep.sleepingSince = at(115)
        #expect(look(asleep).isEmpty)
        // Where nothing is known of it, halfway between the latest proof of freedom and the look that saw it; otherwise as
        // many sleeps as were counted before that look take it back to the proof.
        let began = runs == nil ? 65.0 : 20
        asleep.runs = 0
        asleep.sleepingSince = nil
        asleep.instant = at(300)
        #expect(look(asleep).map(\.durationNanoseconds) == [.milliseconds(300 - began)])
    }

    @Test("looked at less often, a loop that answers has a beat at each look; one that does not is looked at closely")
    mutating func stretched() {
        detector.stretch = 3
        #expect(look(10, .busy).isEmpty)
        for instant in stride(from: 40.0, through: 400, by: 30) {
            #expect(nextLook == instant && slack == .milliseconds(15))
            #expect(answer(instant - 29, posted: instant - 30).isEmpty)
            #expect(look(instant, .busy).isEmpty)
        }
        // The beat that was posted at 400 is not answered.
        #expect(look(430, .busy).isEmpty)
        #expect(nextLook == 440)
        #expect(look(440, .busy).isEmpty)
        // Forty milliseconds are left at the most until it is reported.
        detector.stretch = 100
        #expect(answer(441, posted: 400).isEmpty)
        #expect(look(450, .busy).isEmpty)
        #expect(nextLook == 490)
    }

    @Test("a block is looked at once a resolution, and once it was told, not twice as often where others are looked at")
    mutating func slackOfBlocks() {
        #expect(look(10, .free).isEmpty)
        #expect(look(20, .busy).isEmpty)
        // Until then a look is due at times of its own as well.
        #expect(nextLook == 30 && slack == .milliseconds(5))
        for instant in stride(from: 30.0, through: 120, by: 10) { _ = look(instant, .busy) }
        for instant in stride(from: 130.0, to: 190, by: 10) {
            #expect(look(instant, .busy).isEmpty)
            #expect(nextLook == instant + 10 && slack == .milliseconds(2.5))
        }
    }

    @Test("how long a target may rest is known of one that was proved to wait, by a look since nothing else ran")
    mutating func rest() {
        func pause(since milliseconds: Double) -> Int64? { detector.restNanoseconds(since: at(milliseconds)) }
        #expect(pause(since: 0) == nil)
        #expect(look(10, .free).isEmpty && pause(since: 11) == nil)
        #expect(look(20, .free).isEmpty)
        #expect(pause(since: 15) == .milliseconds(100) && pause(since: 21) == nil)
        // Told twice, by the watchdog and for a scrape, it counts once.
        for _ in 0..<2 {
            let isFree = detector.stillFree(at: at(220), since: at(15))
            #expect(isFree)
        }
        #expect(counters(220).parkChecks == 3 && counters(230).heartbeatAgeNanoseconds == .milliseconds(10))
        let isFree = detector.stillFree(at: at(219), since: at(15))
        #expect(!isFree)
        // A block that begins after that is found as after a look.
        #expect(look(270, .busy).isEmpty && pause(since: 15) == nil && nextLook == 280)
        #expect(answer(280, posted: 270).isEmpty && look(290, .free).isEmpty)
        // It was busy a moment ago.
        #expect(pause(since: 285) == nil)
    }

    @Test("what is known for less is not taken while a beat is out, after something ran, or after the end")
    mutating func stillFree() {
        #expect(!isStillFree(1))
        #expect(look(10, .unknown).isEmpty)
        #expect(!isStillFree(11))
        #expect(answer(12, posted: 10).isEmpty)
        #expect(!isStillFree(13))
        #expect(look(20, .free).isEmpty)
        #expect(isStillFree(21))
        _ = detector.targetGone(at: at(22), interruptions: interruptions)
        #expect(!isStillFree(23))
    }

    @Test("since when a thread sleeps is asked when it may be blocked, and not again once it is known or reported")
    mutating func blockStart() {
        #expect(!detector.wantsBlockStart(at: at(5)))
        for instant in [10.0, 20] { #expect(look(instant, .free).isEmpty) }
        #expect(!detector.wantsBlockStart(at: at(30)))
        #expect(detector.wantsBlockStart(at: at(120)))
        func asleep(_ instant: Double, since: Double?) -> Observation {
            Observation(
                instant: at(instant),
                progress: .busy,
                sleepingSince: since.map { at($0) },
                call: BlockingCall(name: "read", isLock: false)
            )
        }
        #expect(look(asleep(120, since: 55)).isEmpty)
        #expect(detector.wantsBlockStart(at: at(130)))
        #expect(look(asleep(130, since: 55)).isEmpty)
        #expect(!detector.wantsBlockStart(at: at(140)))
        // Its report was prepared at this look.
        #expect(nextLook == 140)
        #expect(look(asleep(155, since: nil)).count == 1)
        #expect(!detector.wantsBlockStart(at: at(160)))
    }

    @Test("one stall goes from warning to error to critical, and its reports come at 1, 2, 4, 8 times the threshold")
    mutating func escalation() {
        #expect(look(10, .free).isEmpty)
        var reports = look(20, .unknown)
        while let next = nextLook, next < 1_015 { reports += look(next, .unknown) }
        reports += answer(1_015, posted: 20)
        // The block is held to have begun at 15, in the middle between the last proof and the beat.
        #expect(reports.map(\.durationNanoseconds) == [100, 200, 400, 800, 1_000].map { .milliseconds($0) })
        #expect(reports.map(\.state) == [.begun, .ongoing, .ongoing, .ongoing, .ended])
        #expect(reports.map(\.severity) == [.warning, .warning, .error, .critical, .critical])
        #expect(counters(1_015).stallsBySeverity == [0, 0, 1])
    }

    @Test("a stall is current, and its time counted, from the threshold to its end and not a moment longer")
    mutating func current() {
        #expect(look(0, .unknown).isEmpty)
        for instant in stride(from: 10.0, through: 90, by: 10) { #expect(look(instant, .unknown).isEmpty) }
        #expect(counters(99).currentStallNanoseconds == nil)
        #expect(look(100, .unknown).map(\.state) == [.begun])
        #expect(detector.currentCause == .unknown)
        #expect(look(110, .unknown).isEmpty)
        // Until the next look the beat may have run already: shown, but not counted.
        #expect(counters(117).currentStallNanoseconds == .milliseconds(117))
        #expect(counters(117).blockedNanoseconds == .milliseconds(110))
        #expect(answer(112, posted: 0).map(\.state) == [.ended])
        #expect(counters(120).blockedNanoseconds == .milliseconds(112))
        #expect(counters(120).currentStallNanoseconds == nil)
        #expect(counters(120).longestNanoseconds == .milliseconds(112))
        #expect(counters(120).latestStallBeganUnixNanoseconds == 0)
        #expect(detector.currentCause == nil)
    }

    @Test("a loop that was preempted between reading its clock and answering takes back nothing that was counted")
    mutating func preemptedBeat() {
        _ = look(0, .unknown)
        #expect(look(10, .unknown).isEmpty)
        #expect(look(100, .unknown).map(\.state) == [.begun])
        let before = counters(100)
        #expect(answer(99.9, posted: 0).map(\.state) == [.ended])
        #expect(counters(100).blockedNanoseconds >= before.blockedNanoseconds)
    }

    /// A loop that waited until 100 ms, was found computing at 150, and is looked at each 10 ms until it is reported.
    private mutating func computing(before: Double, delayed: Double, each: [(computed: Double, delayed: Double)])
        -> Double?
    {
        func observation(_ instant: Double, _ computed: Double, _ delayed: Double) -> Observation {
            Observation(
                instant: at(instant),
                progress: .busy,
                computedNanoseconds: .milliseconds(computed),
                delayedNanoseconds: .milliseconds(delayed),
                runs: instant == 150 ? 1 : 0,
                isReady: true
            )
        }
        _ = look(0, .free)
        #expect(isStillFree(100))
        var reports = look(observation(150, before, delayed))
        var instant = 150.0
        while reports.isEmpty, instant < 400 {
            let part = each[Int(instant / 10) % each.count]
            instant += 10
            reports = look(observation(instant, part.computed, part.delayed))
        }
        return reports.first.map { Double($0.began.nanoseconds) / 1e6 }
    }

    @Test("a block that computes began as long before it was seen as its thread computed and waited for a CPU")
    mutating func computingStart() {
        #expect(computing(before: 30, delayed: 0, each: [(10, 0)]) == 120)
    }

    @Test("waits for a CPU are counted once they are over, and do not move a beginning")
    mutating func delayedStart() {
        // Every other look finds it waiting; the next one is told for how long.
        #expect(computing(before: 20, delayed: 10, each: [(0, 0), (5, 15)]) == 120)
    }

    @Test("what a hypervisor took before a block was seen is as much as it took since")
    mutating func stolenStart() {
        // The thread got 80 % of its CPU: 32 ms of its clock took 40 ms.
        #expect(computing(before: 32, delayed: 0, each: [(8, 0)]) == 110)
    }

    @Test("a block is not taken to have begun before the last proof that there was none, whatever was stolen")
    mutating func mostlyStolenStart() {
        #expect(computing(before: 32, delayed: 0, each: [(1, 0)]) == 100)
    }

    @Test("a target that answers for the first time after long was not blocked, if it need not be served")
    mutating func firstAnswer() {
        var policy = Self.policy
        policy.reportsBeforeFirstAnswer = false
        detector = StallDetector(policy: policy, now: at(0))
        for instant in stride(from: 10.0, through: 3_000, by: 10) { #expect(look(instant, .unknown).isEmpty) }
        #expect(counters(3_000).currentStallNanoseconds == nil)
        #expect(answer(3_005, posted: 10).isEmpty)
        #expect(counters(3_005).stallDuration.count == 0)
        // From then on it is held to what it has shown.
        _ = look(3_010, .unknown)
        #expect(look(3_020, .unknown).isEmpty)
        #expect(look(3_110, .unknown).map(\.state) == [.begun])
    }

    @Test("a target that need not be served and never is has no stall when it goes, either")
    mutating func neverAnswered() {
        var policy = Self.policy
        policy.reportsBeforeFirstAnswer = false
        detector = StallDetector(policy: policy, now: at(0))
        for instant in stride(from: 10.0, through: 1_000, by: 10) { #expect(look(instant, .advanced).isEmpty) }
        #expect(detector.targetGone(at: at(1_001), interruptions: interruptions).isEmpty)
        #expect(counters(1_001).congestions == 0)
    }

    @Test("a target that is gone has its stall ended once, and is never looked at again")
    mutating func gone() {
        _ = look(0, .unknown)
        #expect(look(10, .unknown).isEmpty)
        #expect(look(100, .unknown).count == 1)
        let actions = detector.targetGone(at: at(150), interruptions: interruptions)
        #expect(perform(actions, at: 150).map(\.state) == [.ended])
        #expect(nextLook == nil && !detector.isBeatOut)
        #expect(detector.targetGone(at: at(160), interruptions: interruptions).isEmpty)
        #expect(look(170, .busy).isEmpty)
        #expect(counters(500).blockedNanoseconds == .milliseconds(150))
        #expect(counters(500).currentStallNanoseconds == nil)
    }

    @Test("work that waits although the target has nothing to do is starvation")
    mutating func starvation() {
        _ = look(0, .busy)
        for instant in stride(from: 10.0, through: 90, by: 10) { #expect(look(instant, .free).isEmpty) }
        let reports = look(100, .free)
        #expect(reports.map(\.cause) == [.starvation])
        #expect(answer(120, posted: 0).map(\.state) == [.ended])
    }

    @Test("in a quiet process beats are posted three quarters of a threshold apart")
    mutating func quiet() {
        var beats: [Double] = []
        var posted: Double?
        while let next = nextLook, next < 800 {
            if let waiting = posted {
                #expect(answer(waiting + 0.05, posted: waiting).isEmpty)
                posted = nil
            }
            #expect(look(next, .unknown, isQuiet: true).isEmpty)
            if detector.isBeatOut {
                posted = next
                beats.append(next)
            }
        }
        let gaps = zip(beats, beats.dropFirst()).map { $1 - $0 }
        #expect(gaps.count >= 8 && gaps.allSatisfy { (75...75.1).contains($0) }, "\(beats)")
    }

    @Test("in a quiet process a target is asked sooner by up to a quarter, together with others")
    mutating func quietTogether() {
        #expect(look(10, .free).isEmpty)
        #expect(look(60, .unknown, isQuiet: true).isEmpty && !detector.isBeatOut)
        #expect(nextLook == 85 && slack == .milliseconds(18.75))
        #expect(look(67, .unknown, isQuiet: true).isEmpty && detector.isBeatOut)
        #expect(nextLook == 69 && slack == 0)
    }

    @Test("a block of a quiet process is told when it crosses the threshold, however rarely the target is looked at")
    mutating func quietBlock() {
        detector.stretch = 4
        #expect(look(10, .free).isEmpty)
        // Looked at with another target, and not asked: it was free a moment ago.
        #expect(look(60, .unknown, isQuiet: true).isEmpty && !detector.isBeatOut)
        #expect(nextLook == 85)
        #expect(look(85, .unknown, isQuiet: true).isEmpty && detector.isBeatOut)
        // It takes the beat at once, or is blocked.
        #expect(nextLook == 87)
        var blocked = Observation(instant: at(87), progress: .unknown, isProcessQuiet: true)
        blocked.sleepingSince = at(12)
        #expect(look(blocked).isEmpty)
        #expect(nextLook == 97)
        blocked.instant = at(97)
        #expect(look(blocked).isEmpty)
        #expect(nextLook == 107)
        blocked.instant = at(107)
        #expect(look(blocked).isEmpty)
        #expect(nextLook == 112)
        blocked.instant = at(112)
        let begun = look(blocked)
        #expect(begun.map(\.durationNanoseconds) == [.milliseconds(100)])
    }

    @Test("a process that is not quiet any more is looked at closely from then on")
    mutating func wakingUp() {
        #expect(look(10, .unknown, isQuiet: true).isEmpty && !detector.isBeatOut)
        #expect(nextLook == 75)
        #expect(look(75, .unknown).isEmpty && detector.isBeatOut)
        #expect(nextLook == 85)
    }

    @Test("a look that comes half a second late, because the host stood still, finds no stall")
    mutating func lateLook() {
        #expect(look(75, .free).isEmpty)
        interruptions.append(Interruption(from: at(150), to: at(650), kind: .suspended))
        #expect(look(650, .unknown).isEmpty)
        #expect(look(660, .unknown).isEmpty)
        #expect(counters(660).currentStallNanoseconds == nil)
        #expect(answer(661, posted: 650).isEmpty)
        #expect(counters(661).stallDuration.count == 0)
    }

    @Test("an interruption while a beat is out is taken off the stall and told beside it")
    mutating func interruption() {
        _ = look(0, .unknown)
        #expect(look(10, .unknown).isEmpty)
        interruptions.append(Interruption(from: at(20), to: at(520), kind: .suspended))
        #expect(look(520, .unknown).isEmpty)
        // The threshold is reached later by what was taken off.
        for instant in stride(from: 530.0, through: 590, by: 10) { #expect(look(instant, .unknown).isEmpty) }
        #expect(nextLook == 600)
        let begun = look(600, .unknown)
        #expect(begun.map(\.durationNanoseconds) == [.milliseconds(100)])
        let ended = answer(625, posted: 0)
        #expect(ended.map(\.durationNanoseconds) == [.milliseconds(125)])
        #expect(ended.map(\.interruptedNanoseconds) == [.milliseconds(500)])
    }
}
