// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A process that `top` watches itself, from outside, with an endpoint that only `top` is told of.
final class TopProcess: Sendable {
    private let watch: Loopwatch
    private let stopping: WakeSignal
    private let hasEndedFlag = Flag()
    private let remark = Mutex<String?>(nil)
    private let thread = Mutex<OwnThread?>(nil)

    /// Begins to watch.
    ///
    /// - Throws: ``CommandError`` when there is no such process, or it cannot be watched.
    init(_ identifier: Int32, threshold: Duration?, environment: [String: String]) throws(CommandError) {
        let selector = ProcessSelector.identifier(identifier)
        let rule = DaemonConfiguration.Rule(selector: selector)
        guard !ProcessFinder(rules: [rule]).find().isEmpty else {
            throw .unavailable(ProcessFinder.reason(selector))
        }
        // A port that the system chooses: another watch may have the standard one.
        let configuration = try AttachConfiguration(
            options: WatchOptions(endpoint: .tcp(host: "127.0.0.1", port: 0), threshold: threshold),
            environment: environment
        )
        watch = try WatchStart.start(configuration.watch, isEndpointChosen: true)
        do { stopping = try WakeSignal() } catch { throw .unavailable("\(error).") }
        let process = configuration.process
        do {
            let started = try OwnThread(name: "lw-attach") { [self] in run(rule, process) }
            thread.withLock { $0 = started }
        } catch {
            watch.stop()
            throw .unavailable("\(error).")
        }
    }

    /// Where its status can be asked for; `nil` if nowhere.
    var location: EndpointLocation? { watch.endpointAddress.map { EndpointLocation($0) } }
    /// Whether the process has ended, or nothing of it can be watched.
    var hasEnded: Bool { hasEndedFlag.isRaised }
    /// What was said last.
    var latestRemark: String? { remark.withLock { $0 } }

    /// Stops watching; the process goes on.
    func stop() {
        stopping.wake()
        thread.withLock { $0.take() }?.join()
        watch.stop()
    }

    private func run(_ rule: DaemonConfiguration.Rule, _ options: AttachedProcess.Options) {
        var watching = ProcessWatching(
            rules: [rule],
            watch: watch,
            options: { _ in options },
            say: { [self] text in remark.withLock { $0 = text } }
        )
        repeat {
            let now = Clock.now()
            guard watching.look(now: now) else {
                hasEndedFlag.raise()
                break
            }
        } while !stopping.wait(until: Clock.now().advanced(byNanoseconds: ProcessWatching.lookNanoseconds))
        watching.stop()
    }
}
