// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

@testable import Loopwatch

/// What a picture of a watch tells beyond what the watchdog has told the targets.
@Suite("Pictures of a watch")
struct SnapshotBuilderTests {
    @Test("targets that the watchdog leaves alone, as no thread has run, are told as proved to wait until then")
    func rest() throws {
        var configuration = WatchConfiguration.forTests
        configuration.loopsLimit = 2
        let registry = TargetRegistry(configuration: configuration) {}
        let start = Clock.now().advanced(byNanoseconds: -10_000_000_000)
        let health = WatchdogHealth(now: start)
        let builder = Self.builder(configuration, registry, health)
        // No watchdog runs that could tell them.
        func isFree(_ watched: WatchedTarget, _ milliseconds: Int64) {
            let look = Observation(instant: start.advanced(byNanoseconds: milliseconds * 1_000_000), progress: .free)
            watched.detector.withLock { _ = $0.looked(look, interruptions: InterruptionLog()) }
        }
        let waiting = try registry.add(.loop("waiting") { $0() }, now: start).get()
        let unseen = try registry.add(.loop("unseen") { $0() }, now: start).get()
        for watched in [waiting, unseen] { isFree(watched, 100) }
        // This one was not looked at since the time that the rest is proved for began.
        isFree(waiting, 300)
        func ages() -> [Int64] { builder.snapshot().loops.map { $0.statistics.heartbeatAgeNanoseconds / 1_000_000 } }
        let before = ages()
        #expect(before.allSatisfy { $0 >= 9_700 })
        let until = start.advanced(byNanoseconds: 9_000_000_000)
        health.rests(
            RestClock.Rest(since: start.advanced(byNanoseconds: 200_000_000), until: until),
            until: until.advanced(byNanoseconds: 46_000_000)
        )
        let resting = ages()
        #expect(resting[0] <= before[0] - 8_000, "\(resting) after \(before)")
        #expect(resting[1] >= 9_900, "\(resting) after \(before)")
        // A rest counts once, however often it is asked for.
        #expect(builder.snapshot().loops.map(\.statistics.parkChecks) == [3, 1])
    }

    private static func builder(
        _ configuration: WatchConfiguration,
        _ registry: TargetRegistry,
        _ health: WatchdogHealth
    ) -> SnapshotBuilder {
        let (captures, profile) = (CaptureCounts(), ProfileStore())
        let reporter = Reporter(
            process: "tests",
            ring: WarningRing(),
            log: nil,
            budget: ReportBudget(burst: configuration.reportBurst),
            interruptionReportNanoseconds: configuration.thresholds.warning.wholeNanoseconds,
            published: {}
        )
        return SnapshotBuilder(
            process: "tests",
            configuration: configuration,
            registry: registry,
            reporter: reporter,
            profile: profile,
            captures: captures,
            desk: .withoutThread(reporter: reporter, captures: captures, profile: profile),
            health: health,
            jobs: nil,
            processes: WatchedProcesses()
        )
    }
}
