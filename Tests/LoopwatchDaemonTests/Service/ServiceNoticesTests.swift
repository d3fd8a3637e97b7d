// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

/// What a service manager is told and when, by a clock that the test sets.
@Suite("Notices to a service manager")
struct ServiceNoticesTests {
    private static let second: Int64 = 1_000_000_000

    /// A service whose notices all arrive, or none.
    private struct Service {
        var notices: ServiceNotices
        var progress = WatchProgress(processes: 1, loops: 1)
        var now = MonotonicInstant(nanoseconds: 100_000_000_000)
        /// Whether questions are answered.
        var answers = true
        var arrives = true
        /// What has arrived, and after how many milliseconds.
        var told: [String] = []
        private let began: MonotonicInstant

        init(watchdogSeconds: Int64? = nil) {
            notices = ServiceNotices(watchdogNanoseconds: watchdogSeconds.map { $0 * second })
            began = now
        }

        /// Does what the shell does at each look.
        mutating func look() {
            if let number = notices.question(now: now), answers { notices.answer(number) }
            while let notice = notices.next(now: now, progress: progress) {
                guard arrives else { return }
                told.append(notice.text)
                notices.sent(notice, now: now)
            }
        }

        /// Looks whenever there is something to look for, and each second, until a time has passed.
        mutating func pass(seconds: Double) {
            let end = now.advanced(byNanoseconds: Int64(seconds * 1e9))
            look()
            while now < end {
                let tick = now.advanced(byNanoseconds: second)
                now = min(end, tick, notices.nextLook(now: now) ?? tick)
                look()
            }
        }

        func count(_ text: String) -> Int { told.count { $0 == text } }
    }

    @Test("ready is told once, when it is, and with it what is watched")
    func ready() {
        var service = Service()
        service.pass(seconds: 3)
        #expect(service.told == [])
        service.notices.ready(now: service.now)
        service.notices.ready(now: service.now)
        service.pass(seconds: 60)
        #expect(service.told == ["READY=1", "STATUS=Watching 1 process: 1 loop"])
    }

    @Test("the status is told when it changes, at most every two seconds, and always the latest in the end")
    func status() {
        var service = Service()
        service.notices.ready(now: service.now)
        service.look()
        for loops in 2...41 {
            service.progress.loops = loops
            service.pass(seconds: 0.1)
        }
        service.pass(seconds: 2)
        let lines = service.told.filter { $0.hasPrefix("STATUS=") }
        // Four seconds of changes, and the two ends.
        #expect((3...4).contains(lines.count), "\(lines)")
        #expect(lines.last == "STATUS=Watching 1 process: 41 loops")
    }

    @Test("a reload is told from its beginning, with the time, to its end")
    func reload() {
        var service = Service()
        service.notices.reload(now: service.now)
        #expect(service.notices.phase == .starting)
        service.notices.ready(now: service.now)
        service.pass(seconds: 1)
        service.told = []
        service.notices.reload(now: service.now)
        service.look()
        service.notices.ready(now: service.now)
        service.look()
        #expect(service.told == ["RELOADING=1\nMONOTONIC_USEC=101000000", "READY=1"])
        service.notices.stop()
        service.notices.reload(now: service.now)
        service.notices.ready(now: service.now)
        service.pass(seconds: 10)
        #expect(service.told.count == 3 && service.told[2].hasPrefix("STOPPING=1\n"))
    }

    @Test("what did not arrive is told later, in order; a reload of which nothing arrived is left out for the next")
    func lost() {
        var service = Service()
        service.arrives = false
        service.notices.ready(now: service.now)
        for _ in 0..<100 {
            service.notices.reload(now: service.now)
            service.look()
            service.notices.ready(now: service.now)
            service.pass(seconds: 1)
        }
        service.notices.stop()
        service.arrives = true
        service.look()
        #expect(
            service.told == [
                "READY=1", "RELOADING=1\nMONOTONIC_USEC=199000000", "READY=1",
                "STOPPING=1\nSTATUS=Ending: what goes on is reported",
            ]
        )
    }

    @Test("a sign of life comes at half of the time, as long as what does the work answers")
    func alive() {
        var service = Service(watchdogSeconds: 8)
        service.notices.ready(now: service.now)
        service.pass(seconds: 41)
        #expect(service.count("WATCHDOG=1") == 10)
        service.answers = false
        // The one that an answer stands for already, at most.
        service.pass(seconds: 400)
        #expect(service.count("WATCHDOG=1") <= 11)
        // No longer than the next question takes.
        let before = service.count("WATCHDOG=1")
        service.answers = true
        service.notices.answer(.max)
        service.pass(seconds: 41)
        #expect((10...11).contains(service.count("WATCHDOG=1") - before))
    }

    @Test("an answer to a question of before the last sign of life proves nothing")
    func lateAnswer() throws {
        var notices = ServiceNotices(watchdogNanoseconds: 8 * Self.second)
        let progress = WatchProgress()
        let start = MonotonicInstant(nanoseconds: 0)
        notices.ready(now: start)
        func at(_ seconds: Int64) -> MonotonicInstant { start.advanced(byNanoseconds: seconds * Self.second) }
        func isAlive(_ seconds: Int64) -> Bool {
            while let notice = notices.next(now: at(seconds), progress: progress) {
                notices.sent(notice, now: at(seconds))
                if notice.subject == .alive { return true }
            }
            return false
        }
        let early = notices.question(now: at(1))
        #expect(early == nil)
        let firstQuestion = notices.question(now: at(2))
        let first = try #require(firstQuestion)
        let secondQuestion = notices.question(now: at(4))
        let second = try #require(secondQuestion)
        notices.answer(first)
        #expect(!isAlive(3))
        #expect(isAlive(4))
        let thirdQuestion = notices.question(now: at(6))
        let third = try #require(thirdQuestion)
        notices.answer(second)
        #expect(!isAlive(9))
        notices.answer(third)
        #expect(isAlive(9))
    }

    @Test("what hangs is not asked again and again")
    func questions() {
        var notices = ServiceNotices(watchdogNanoseconds: Self.second)
        notices.ready(now: MonotonicInstant(nanoseconds: 0))
        let asked = (0..<1_000).compactMap { notices.question(now: MonotonicInstant(nanoseconds: $0 * Self.second)) }
        #expect(asked.count == Limits.serviceQuestions)
    }

    @Test("no sign of life when all watching threads hang; one that hangs is told, and the others go on")
    func hanging() {
        var service = Service(watchdogSeconds: 8)
        service.progress = WatchProgress(processes: 2, loops: 3, pools: 1, standing: ["api"])
        service.notices.ready(now: service.now)
        service.pass(seconds: 20)
        #expect(service.count("WATCHDOG=1") == 5)
        #expect(service.told.contains("STATUS=Watching 2 processes: 3 loops, 1 pool; 1 of them held up"))
        service.progress.standing = ["api", "worker"]
        service.pass(seconds: 100)
        #expect(service.count("WATCHDOG=1") == 5)
        service.progress = WatchProgress()
        // What was answered meanwhile is told at once.
        service.pass(seconds: 3)
        #expect(service.count("WATCHDOG=1") == 6)
        #expect(service.told.last { $0.hasPrefix("STATUS=") } == "STATUS=Watching for processes to come")
    }

    @Test("a sign of life that did not arrive is tried again before the time is up")
    func retry() {
        var service = Service(watchdogSeconds: 8)
        service.notices.ready(now: service.now)
        service.pass(seconds: 3)
        service.arrives = false
        service.pass(seconds: 2)
        service.arrives = true
        service.pass(seconds: 1)
        #expect(service.count("WATCHDOG=1") == 1)
    }

    @Test("without a time there is none")
    func unwatched() {
        var service = Service()
        service.notices.ready(now: service.now)
        service.pass(seconds: 1_000)
        let question = service.notices.question(now: service.now)
        #expect(service.count("WATCHDOG=1") == 0 && question == nil)
    }

    @Test(
        "the manager's variables",
        arguments: [
            ([:], nil),
            (["NOTIFY_SOCKET": ""], nil),
            (["WATCHDOG_USEC": "1000"], nil),
            (["NOTIFY_SOCKET": "/s"], ("/s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "1000"], ("@s", 1_000_000)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "7"], ("@s", 1_000_000)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "8"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "x"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "0"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "-5"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "18446744073709551615"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "9223372036854775807"], ("@s", nil)),
            (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "9223372036854775"], ("@s", .max / 4)),
        ] as [([String: String], (String, Int64?)?)]
    )
    func settings(environment: [String: String], expected: (socket: String, watchdog: Int64?)?) {
        let settings = ServiceSettings(environment: environment, process: 7)
        #expect(settings?.socket == expected?.socket)
        #expect(settings?.watchdogNanoseconds == expected?.watchdog)
        #expect((settings == nil) == (expected == nil))
    }
}
