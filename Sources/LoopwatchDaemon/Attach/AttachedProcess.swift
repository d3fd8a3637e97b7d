// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A process that is watched: a thread of its own looks at it, and reads its stacks.
final class AttachedProcess: Sendable {
    /// How a process is watched.
    struct Options: Sendable, Equatable {
        /// From which lengths on it is reported.
        var thresholds: Thresholds
        /// By what means; `nil` for the cheapest that is exact.
        var rung: EvidenceRung?
        /// Whether threads may be stopped for a moment.
        var allowsStop = true
    }

    /// Its name and number.
    let name: RemoteProcessName
    /// When it started, which tells it from a later one of the same number.
    let startTicks: Int64
    /// How it is watched.
    let options: Options
    private let watch: Loopwatch
    private let say: @Sendable (String) -> Void
    private let wake: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)
    private let isSeen = Atomic<Bool>(false)
    /// When its thread means to look next, on the monotonic clock.
    private let planned = Atomic<Int64>(Clock.now().nanoseconds)
    private let thread = Mutex<OwnThread?>(nil)

    /// Starts to watch a process.
    ///
    /// - Parameters:
    ///   - name: its name and number.
    ///   - startTicks: when it started.
    ///   - watch: takes what is found.
    ///   - options: how it is watched.
    ///   - say: takes a line for whoever started the program.
    /// - Throws: ``SystemError`` where there is no descriptor or thread left.
    init(
        _ name: RemoteProcessName,
        startTicks: Int64,
        watch: Loopwatch,
        options: Options,
        say: @escaping @Sendable (String) -> Void
    ) throws {
        self.name = name
        self.startTicks = startTicks
        self.watch = watch
        self.options = options
        self.say = say
        wake = try WakeSignal()
        let started = try OwnThread(name: "lw-\(name.identifier)", turns: .prompt) { self.run() }
        thread.withLock { $0 = started }
    }

    /// Whether it has ended, or cannot be watched.
    var hasEnded: Bool { isOver.load(ordering: .acquiring) }

    /// Whether it has been looked at for the first time.
    var hasBeenSeen: Bool { isSeen.load(ordering: .acquiring) }

    /// For how long its thread has been at a look, or should have begun one, in nanoseconds; negative while it waits.
    func lateNanoseconds(at now: MonotonicInstant) -> Int64 {
        now.nanoseconds - planned.load(ordering: .relaxed)
    }

    /// Has the thread stop soon, without waiting for it; ``stop()`` has to follow.
    func beginToStop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
    }

    /// Stops watching; the process goes on as it did before.
    func stop() {
        beginToStop()
        if let thread = thread.withLock({ $0.take() }) {
            thread.join()
            wake.close()
        }
    }

    private func run() {
        defer { isOver.store(true, ordering: .releasing) }
        do throws(RemoteProblem) {
            var work = try AttachWork(name, watch: watch, options: options, say: say)
            while !isStopping.load(ordering: .acquiring) {
                guard let next = work.look() else { break }
                planned.store(next.nanoseconds, ordering: .relaxed)
                isSeen.store(true, ordering: .releasing)
                _ = wake.wait(until: next)
            }
            work.finish()
        } catch {
            say("\(name.name) (process \(name.identifier)) is not watched: \(error)")
        }
    }
}
