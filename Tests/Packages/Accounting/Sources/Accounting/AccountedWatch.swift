// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
internal import Loopwatch

/// A watch that accounts the pool, and what it counted.
struct AccountedWatch {
    let watch: Loopwatch

    /// Starts one and waits until it is settled how exactly it accounts.
    ///
    /// It does all that a watch does by default, but for its endpoint and its log.
    init(_ accounting: PoolAccounting, waits: Bool = true) throws {
        var configuration = WatchConfiguration()
        configuration.endpoint = nil
        configuration.log = [.closure { _, _ in }]
        configuration.poolAccounting = accounting
        watch = try Loopwatch.start(configuration)
        watch.add(.mainActor())
        guard waits else { return }
        guard eventually(within: 30, { status?.isSettled == true }), status?.mode == accounting else {
            throw NotAccounted(reason: "\(status.map { "\($0)" } ?? "no pool")")
        }
    }

    private var jobs: JobPoolSnapshot? { watch.snapshot().pools.lazy.compactMap(\.jobs).first }

    var status: PoolAccountingStatus? { jobs?.accounting }

    var counters: JobCountersReading? { jobs?.counters }

    func stop() { watch.stop() }

    /// Threads that ever had a place to note their jobs in.
    static var slots: Int {
        var totals = lw_job_totals()
        lw_jobs_read(&totals, 0)
        return Int(totals.slots)
    }

    /// It does not account as wanted.
    struct NotAccounted: Error {
        let reason: String
    }
}

/// Watches that are started and stopped, one after another, for as long as something else goes on.
final class WatchCycles: Sendable {
    private let isStopped = Gate()
    private let hasStopped = Gate()
    let count = Counted()

    init(_ accounting: PoolAccounting) {
        HarnessThread.start { [self] in
            var random = SystemRandomNumberGenerator()
            while !isStopped.passes(within: 0) {
                // Sometimes it is stopped before it has settled.
                let isWhole = Bool.random(using: &random)
                guard let watch = try? AccountedWatch(accounting, waits: false) else { continue }
                if isWhole { _ = eventually(within: 0.5) { watch.status?.isSettled == true } }
                usleep(UInt32.random(in: 0...3000, using: &random))
                if watch.status?.mode == accounting { count.add() }
                watch.stop()
                usleep(UInt32.random(in: 0...1000, using: &random))
            }
            hasStopped.open()
        }
    }

    /// Ends them; how many were accounting.
    func stop() -> Int {
        isStopped.open()
        hasStopped.pass()
        return count.value
    }
}
