// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// Does what the commands on standard input say, one after the other; each ends with the line `DONE identifier`.
///
///     block IDENTIFIER sleep|cpu|lock SECONDS           one job that blocks; told as BLOCK
///     flood IDENTIFIER sleep|cpu SECONDS COUNT          as many jobs as that at once; told as FLOOD, first to last
///     pulse IDENTIFIER SECONDS PERIOD WORK              a short job each period for so long; told are those that took
///                                                       long (BLOCK) or had to wait for long (LATE)
struct Session: Sendable {
    /// What of a short job is told: as long as that, in seconds.
    private static let noteworthy = 0.03

    let execute: Subject.Execute
    let width: Int

    func perform(_ line: String) {
        let words = line.split(separator: " ")
        guard words.count >= 4 else { return Told.line("UNKNOWN \(line)") }
        let kind = Blocking(rawValue: String(words[2]))
        let numbers = words.dropFirst(2).compactMap { Double($0) }
        switch (words[0], kind, numbers.count) {
        case ("block", let kind?, 1): block(words[1], kind, seconds: numbers[0])
        case ("flood", let kind?, 2): flood(words[1], kind, seconds: numbers[0], count: Int(numbers[1]))
        case ("pulse", nil, 3): pulse(words[1], seconds: numbers[0], period: numbers[1], work: numbers[2])
        default: return Told.line("UNKNOWN \(line)")
        }
        Told.line("DONE \(words[1])")
    }

    private func block(_ identifier: Substring, _ kind: Blocking, seconds: Double) {
        let begins = Mutex<[Double]>([])
        let ends = Mutex<[Double]>([])
        let done = DispatchGroup()
        let lock = kind == .lock ? HeldLock(seconds: seconds, waiters: width) : nil
        let missing = Rendezvous(width)
        let spared = Mutex(Double.infinity)
        for _ in 0..<width {
            done.enter()
            execute {
                // A thread is taken from here on, and none is left once the last one is: a thread that computes may get its
                // CPU later than that.
                let taken = Told.now
                missing.wait()
                if width > 1 {
                    // All threads are held now. If this runs all the same before one is free, then the pool has grown.
                    done.enter()
                    execute {
                        spared.withLock { $0 = min($0, Told.now) }
                        done.leave()
                    }
                }
                let span = kind.hold(seconds: seconds, lock)
                begins.withLock { $0.append(width > 1 ? taken : span.began) }
                done.leave()
                // That wakes who waits below, and where it is given this CPU, the job takes as much longer.
                ends.withLock { $0.append(Told.now) }
            }
        }
        done.wait()
        while ends.withLock({ $0.count }) < width { usleep(100) }
        // Several jobs block it only while all of them run.
        let began = begins.withLock { $0.max() ?? 0 }
        let ended = min(ends.withLock { $0.min() ?? 0 }, spared.withLock { $0 })
        Told.stretch("BLOCK", identifier, kind.rawValue, began, ended)
    }

    private func flood(_ identifier: Substring, _ kind: Blocking, seconds: Double, count: Int) {
        let span = Mutex((began: Double.infinity, ended: 0.0))
        let done = DispatchGroup()
        for _ in 0..<count { done.enter() }
        // From within, so that all of them wait before one has run.
        execute {
            let posting = Told.now
            span.withLock { $0.began = posting }
            for _ in 0..<count {
                execute {
                    let (began, ended) = kind.hold(seconds: seconds, nil)
                    span.withLock { $0 = (min($0.began, began), max($0.ended, ended)) }
                    done.leave()
                }
            }
        }
        done.wait()
        let (began, ended) = span.withLock { $0 }
        Told.stretch("FLOOD", identifier, kind.rawValue, began, ended)
    }

    private func pulse(_ identifier: Substring, seconds: Double, period: Double, work: Double) {
        let told = Mutex<[(what: String, began: Double, ended: Double)]>([])
        let done = DispatchGroup()
        let end = Told.now + seconds
        while Told.now < end {
            done.enter()
            let posted = Told.now
            execute {
                let (began, ended) = Blocking.cpu.hold(seconds: work, nil)
                told.withLock { told in
                    if ended - began >= Self.noteworthy { told.append(("BLOCK", began, ended)) }
                    if began - posted >= Self.noteworthy { told.append(("LATE", posted, began)) }
                }
                done.leave()
            }
            usleep(UInt32(period * 1e6))
        }
        done.wait()
        for stretch in told.withLock({ $0 }) {
            Told.stretch(stretch.what, identifier, "pulse", stretch.began, stretch.ended)
        }
    }
}

/// Where several jobs wait for each other, so that they hold all threads of a pool from the same moment on.
private final class Rendezvous: Sendable {
    private let missing: Atomic<Int>

    init(_ count: Int) { missing = Atomic(count) }

    /// Waits for the others, for a second at most.
    func wait() {
        missing.subtract(1, ordering: .acquiringAndReleasing)
        let deadline = Told.now + 1
        while missing.load(ordering: .acquiring) > 0, Told.now < deadline { sched_yield() }
    }
}
