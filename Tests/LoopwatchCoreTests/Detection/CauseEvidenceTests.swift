// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// The verdict on why a target made no progress.
@Suite("Cause evidence")
struct CauseEvidenceTests {
    private static let read = BlockingCall(name: "read", isLock: false)
    private static let futex = BlockingCall(name: "futex", isLock: true)

    /// Evidence of looks 10 ms apart.
    private func evidence(
        _ looks: Int = 10,
        progress: Observation.Progress = .busy,
        computed: Double? = nil,
        delayed: Double? = nil,
        runs: Int64? = nil,
        isReady: Bool = false,
        call: (Int) -> BlockingCall? = { _ in nil }
    ) -> CauseEvidence {
        var evidence = CauseEvidence(start: at(0))
        for number in 1...looks {
            evidence.add(
                Observation(
                    instant: at(Double(number) * 10),
                    progress: progress,
                    thread: 7,
                    computedNanoseconds: computed.map { .milliseconds($0) },
                    delayedNanoseconds: delayed.map { .milliseconds($0) },
                    runs: runs,
                    call: call(number),
                    isReady: isReady
                )
            )
        }
        return evidence
    }

    @Test("nothing seen, nothing said")
    func nothing() {
        let none = CauseEvidence(start: at(0))
        #expect(none.verdict == .unknown && none.cpuShare == nil && none.activeNanoseconds == nil)
        #expect(evidence().verdict == .unknown)
    }

    @Test(
        "a thread that computes for a good part of the time, and does nothing else for longer, is blocked by computing"
    )
    func computing() {
        #expect(evidence(computed: 10).verdict == .cpu)
        #expect(evidence(computed: 10).cpuShare == 1)
        #expect(evidence(computed: 5).verdict == .cpu)
        #expect(evidence(computed: 3).verdict == .cpu)
        #expect(evidence(computed: 2.9).verdict == .unknown)
        #expect(evidence(computed: 4, delayed: 5).verdict == .runqueue)
        // Clocks that disagree a little do not make more than the whole.
        #expect(evidence(computed: 11).cpuShare == 1)
        #expect(evidence(computed: -1).cpuShare == 0)
    }

    @Test("a thread that mostly sleeps in calls is blocked by the one it is seen in most")
    func sleeping() {
        #expect(evidence(call: { _ in Self.read }).verdict == .syscall("read"))
        #expect(evidence(call: { _ in Self.futex }).verdict == .lock)
        #expect(evidence(call: { $0 <= 4 ? Self.read : Self.futex }).verdict == .lock)
        #expect(evidence(computed: 6, call: { $0 <= 4 ? Self.read : nil }).verdict == .cpu)
        // Of two that are seen as often, always the same.
        let tied = evidence(call: { $0 % 2 == 0 ? Self.read : BlockingCall(name: "fsync", isLock: false) })
        #expect(tied.verdict == .syscall("fsync"))
    }

    @Test("a thread that is ready and does not run waits for a CPU")
    func waiting() {
        #expect(evidence(computed: 1, delayed: 5).verdict == .runqueue)
        #expect(evidence(computed: 6, delayed: 4).verdict == .cpu)
        #expect(evidence(computed: 1, delayed: 5).activeNanoseconds == .milliseconds(60))
    }

    @Test("time that a ready thread neither computed nor is counted to have waited was taken from it")
    func taken() {
        // By a hypervisor, or by other threads of which the kernel has not counted the wait yet.
        #expect(evidence(computed: 4.8, runs: 0, isReady: true).verdict == .runqueue)
        #expect(evidence(computed: 4.8, runs: 1, isReady: true).verdict == .runqueue)
        #expect(evidence(computed: 5.2, runs: 0, isReady: true).verdict == .cpu)
        #expect(evidence(computed: 2, delayed: 1, runs: 0, isReady: true).verdict == .runqueue)
        // One that was put on a CPU several times since a first look may have slept in between.
        #expect(evidence(1, computed: 2, runs: 3, isReady: true).verdict == .unknown)
        #expect(evidence(1, computed: 2, runs: 1, isReady: true).verdict == .runqueue)
        // Of one that the kernel does not tell of, nothing is known.
        #expect(evidence(computed: 2, runs: 0).verdict == .unknown)
        // It sleeps now and then: what is missing is sleep.
        #expect(evidence(computed: 1, runs: 2, isReady: false, call: { _ in Self.read }).verdict == .syscall("read"))
    }

    @Test("a thread that its group's quota kept from the CPU was throttled")
    func throttled() {
        func evidence(throttled: Double) -> CauseEvidence {
            var evidence = CauseEvidence(start: at(0))
            for number in 1...10 {
                var observation = Observation(
                    instant: at(Double(number) * 10),
                    progress: .busy,
                    computedNanoseconds: .milliseconds(2),
                    delayedNanoseconds: .milliseconds(8)
                )
                observation.throttledNanoseconds = .milliseconds(throttled)
                evidence.add(observation)
            }
            return evidence
        }
        #expect(evidence(throttled: 0).verdict == .runqueue)
        #expect(evidence(throttled: 3).verdict == .runqueue)
        #expect(evidence(throttled: 4).verdict == .throttled)
        #expect(evidence(throttled: 4).congestionVerdict == .throttled)
        // A reading that covers more than the time between two looks does not count twice.
        #expect(evidence(throttled: 1_000).verdict == .throttled)
        #expect(evidence(throttled: 9e12).verdict == .throttled)
    }

    @Test("throttling is counted when it ends, and covers more than the time since the look before")
    func throttledAtOnce() {
        func evidence(throttled: Double) -> CauseEvidence {
            var evidence = CauseEvidence(start: at(0))
            for number in 1...10 {
                var observation = Observation(
                    instant: at(Double(number) * 10),
                    progress: .busy,
                    computedNanoseconds: .milliseconds(2),
                    delayedNanoseconds: .milliseconds(8)
                )
                if number == 10 { observation.throttledNanoseconds = .milliseconds(throttled) }
                evidence.add(observation)
            }
            return evidence
        }
        #expect(evidence(throttled: 80).verdict == .throttled)
        #expect(evidence(throttled: 40).verdict == .throttled)
        #expect(evidence(throttled: 39).verdict == .runqueue)
    }

    @Test("what the thread did after the last look counts too")
    func afterTheLastLook() {
        var evidence = evidence(1, computed: 10, isReady: true)
        #expect(evidence.verdict == .cpu)
        evidence.add(
            ThreadUsage(instant: at(40), computedNanoseconds: .milliseconds(5), delayedNanoseconds: .milliseconds(25))
        )
        #expect(evidence.verdict == .runqueue)
        #expect(evidence.cpuShare == 15.0 / 40)
    }

    @Test("a block that only the wait for a CPU carried over the threshold is the machine's doing, once it is over")
    func carriedOver() {
        func verdict(computed: Double, delayed: Double, milliseconds: Double) -> Cause {
            evidence(computed: computed, delayed: delayed).verdict(
                ofNanoseconds: .milliseconds(milliseconds),
                thresholdNanoseconds: .milliseconds(100)
            )
        }
        // Ten looks, ten milliseconds apart.
        #expect(verdict(computed: 5.3, delayed: 4.7, milliseconds: 101) == .runqueue)
        #expect(verdict(computed: 7, delayed: 3, milliseconds: 129) == .runqueue)
        // It computed for longer than it may.
        #expect(verdict(computed: 7, delayed: 3, milliseconds: 130) == .cpu)
        #expect(verdict(computed: 5.3, delayed: 4.7, milliseconds: 300) == .cpu)
        // It hardly waited.
        #expect(verdict(computed: 7.1, delayed: 2.9, milliseconds: 101) == .cpu)
        #expect(verdict(computed: 10, delayed: 0, milliseconds: 101) == .cpu)
        // Asleep is not ready.
        #expect(
            evidence(delayed: 1, call: { _ in Self.read }).verdict(
                ofNanoseconds: .milliseconds(101),
                thresholdNanoseconds: .milliseconds(100)
            ) == .syscall("read")
        )
    }

    @Test("many short jobs are congestion; jobs that hardly get a CPU are not")
    func congestion() {
        #expect(CauseEvidence(start: at(0)).congestionVerdict == .congestion)
        #expect(evidence(computed: 9, delayed: 1, isReady: true).congestionVerdict == .congestion)
        #expect(evidence(computed: 1, call: { _ in Self.read }).congestionVerdict == .congestion)
        #expect(evidence(computed: 4, delayed: 6, isReady: true).congestionVerdict == .runqueue)
        #expect(evidence(1, computed: 0, delayed: 0, runs: 0, isReady: true).congestionVerdict == .runqueue)
        #expect(evidence(2, computed: 0, delayed: 0, runs: 3, isReady: true).congestionVerdict == .runqueue)
    }

    @Test("work that nobody takes up is starvation")
    func starvation() {
        #expect(evidence(progress: .free, call: { _ in Self.read }).verdict == .starvation)
    }

    @Test("a pool whose threads are ready and hardly run waits for a CPU, and is not starved of threads")
    func poolWithoutCPU() {
        var evidence = CauseEvidence(start: at(0))
        for number in 1...4 {
            var observation = Observation(instant: at(Double(number) * 10), progress: .unknown)
            observation.isKeptFromCPU = number <= 2
            evidence.add(observation)
            #expect(evidence.verdict == (number <= 3 ? .runqueue : .unknown))
        }
    }

    @Test("calls beyond the bound are not told apart, and the known are still counted")
    func bound() {
        let evidence = evidence(
            200,
            call: {
                $0 <= 100
                    ? BlockingCall(name: "call \($0)", isLock: false) : BlockingCall(name: "call 1", isLock: false)
            }
        )
        #expect(evidence.verdict == .syscall("call 1"))
    }

    @Test("the thread that was seen last is the one that is named")
    func thread() {
        var evidence = CauseEvidence(start: at(0))
        #expect(evidence.blockedThread == nil)
        evidence.add(Observation(instant: at(1), progress: .busy, thread: 3))
        evidence.add(Observation(instant: at(2), progress: .busy, thread: 4))
        evidence.add(Observation(instant: at(3), progress: .busy))
        #expect(evidence.blockedThread == 4)
    }
}
