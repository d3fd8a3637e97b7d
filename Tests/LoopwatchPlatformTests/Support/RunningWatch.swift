// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// A watch of another process on a thread of its own, that remembers all that it says.
final class RunningWatch: Sendable {
    private struct Heard: Sendable {
        var said: [ProcessWatch.Said] = []
        var statistics: [String: StallStatistics] = [:]
        var rungs: [String: EvidenceRung] = [:]
        var problem: RemoteProblem?
        var waitStops: Histogram?
    }

    private final class Shared: Sendable {
        let heard = Mutex(Heard())
        let isStopping = Atomic<Bool>(false)
    }

    private let shared = Shared()
    private let thread: OwnThread

    /// Begins to watch a process; the threshold is in milliseconds.
    init(_ process: Int32, threshold: Int = 50, rung: EvidenceRung? = nil) throws {
        let options = ProcessWatch.Options(
            policy: DetectionPolicy(
                resolutionNanoseconds: 10_000_000,
                thresholds: Thresholds(warning: .milliseconds(threshold))
            ),
            rung: rung
        )
        let shared = shared
        thread = try OwnThread(name: "test-watch") { Self.run(process, options, shared) }
    }

    private static func run(_ process: Int32, _ options: ProcessWatch.Options, _ shared: Shared) {
        do throws(RemoteProblem) {
            var watch = try ProcessWatch(process: process, options: options, now: Clock.now())
            guard let pause = try? WakeSignal() else { return }
            var targets: [RemoteTargetIdentity] = []
            while !shared.isStopping.load(ordering: .acquiring) {
                let said = watch.look(now: Clock.now())
                for case .found(let target) in said { targets.append(target) }
                shared.heard.withLock { heard in
                    heard.said += said
                    heard.waitStops = watch.waitStops
                    for target in targets {
                        heard.rungs[target.name] = watch.rung(of: target)
                        heard.statistics[target.name] = watch.statistics(
                            of: target,
                            now: Clock.now(),
                            unixNanoseconds: 0
                        )
                    }
                }
                if said.contains(where: { if case .ended = $0 { true } else { false } }) { return }
                _ = pause.wait(until: watch.nextLook(now: Clock.now()))
            }
        } catch {
            shared.heard.withLock { $0.problem = error }
        }
    }

    /// All that was said so far.
    var said: [ProcessWatch.Said] { shared.heard.withLock { $0.said } }

    /// The counters of a target, by its name.
    func statistics(_ name: String) -> StallStatistics? { shared.heard.withLock { $0.statistics[name] } }

    /// By which means a target is watched now.
    func rung(_ name: String) -> EvidenceRung? { shared.heard.withLock { $0.rungs[name] } }

    /// Stops of threads so that their next wait was awaited.
    var waitStops: Histogram? { shared.heard.withLock { $0.waitStops } }

    /// The reports on one target.
    func drafts(_ name: String = "main") -> [ReportDraft] {
        said.compactMap { if case .report(let draft, let target, _) = $0, target.name == name { draft } else { nil } }
    }

    /// The targets that were found.
    var found: [RemoteTargetIdentity] {
        said.compactMap { if case .found(let target) = $0 { target } else { nil } }
    }

    /// The notes for the log.
    var notes: [String] {
        said.compactMap { if case .note(let text) = $0 { text } else { nil } }
    }

    /// Waits until a loop or pool is found.
    func finds(_ name: String) throws -> RemoteTargetIdentity {
        try eventually("\(name) is found") { found.contains { $0.name == name } }
        return found.first { $0.name == name }!
    }

    /// Waits until so many blocks of a target have ended.
    func ended(_ count: Int, _ name: String = "main") throws -> [ReportDraft] {
        try eventually("\(count) blocks of \(name) have ended") {
            drafts(name).filter { $0.state == .ended }.count >= count
        }
        return drafts(name).filter { $0.state == .ended }
    }

    /// Ends the watch, and waits for it.
    func stop() {
        shared.isStopping.store(true, ordering: .releasing)
        thread.join()
    }
}
