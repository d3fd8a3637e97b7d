// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization
import Testing

/// Reads a line of /proc/PID/task/TID/sched; `nil` where the kernel has none.
private func schedule(_ name: String, _ thread: ThreadIdentifier) -> Double? {
    guard let file = ProcFile(path: "/proc/self/task/\(thread)/sched") else { return nil }
    let text = String(decoding: file.bytes(atMost: 8_192), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line?.split(separator: ":").last.flatMap { Double($0.filter { $0 != " " }) }
}

/// Threads of our own.
@Suite("Own thread")
struct OwnThreadTests {
    private func field(_ name: String, of thread: ThreadIdentifier) throws -> String {
        let file = try #require(ProcFile(path: "/proc/self/task/\(thread)/status"))
        let text = String(decoding: file.bytes(atMost: 8_192), as: UTF8.self)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(name):") })
        return String(line.split(whereSeparator: \.isWhitespace).last ?? "")
    }

    @Test("it has its name, and no signal that can be blocked reaches it")
    func nameAndSignals() throws {
        let thread = try TestThread.parked()
        defer { thread.stop() }
        #expect(try field("Name", of: thread.identifier) == "test")
        let blocked = try #require(UInt64(try field("SigBlk", of: thread.identifier), radix: 16))
        // KILL and STOP cannot be blocked, and the C library keeps its own two, 32 and 33, open.
        let open: UInt64 = 1 << 8 | 1 << 18 | 1 << 31 | 1 << 32
        #expect(blocked | open == .max)
    }

    @Test("it asks for short turns, which it gets sooner, and has the weight that others have")
    func slice() throws {
        let own = OwnThread.currentIdentifier
        // Before Linux 6.12 a thread cannot ask, and a kernel without CONFIG_SCHED_DEBUG does not tell.
        guard let before = schedule("se.slice", own) else { return }
        let thread = try TestThread.parked()
        defer { thread.stop() }
        #expect(schedule("se.slice", thread.identifier) == 250_000)
        #expect(schedule("se.load.weight", thread.identifier) == schedule("se.load.weight", own))
        #expect(schedule("se.slice", own) == before)
    }

    @Test("one that reports wait for comes before others, where the process may have that, and what it starts does not")
    func prompt() throws {
        let isAllowed = try Self.mayComeBeforeOthers()
        let own = OwnThread.currentIdentifier
        let slice = schedule("se.slice", own)
        let found = Mutex<(nice: CInt, slice: Double?, child: CInt, childSlice: Double?)?>(nil)
        let thread = try OwnThread(name: "test", turns: .prompt) {
            // Dispatch starts its threads in closures of the host that the watchdog calls.
            let child = try? OwnThread(name: "child", blocksSignals: false) {
                let identifier = OwnThread.currentIdentifier
                let slice = schedule("se.slice", identifier)
                found.withLock { $0 = (0, nil, Self.niceness(identifier), slice) }
            }
            child?.join()
            let identifier = OwnThread.currentIdentifier
            let slice = schedule("se.slice", identifier)
            found.withLock { found in
                found?.nice = Self.niceness(identifier)
                found?.slice = slice
            }
        }
        thread.join()
        let (nice, ownSlice, child, childSlice) = try #require(found.withLock { $0 })
        #expect(ownSlice == slice.map { _ in isAllowed ? 500_000 : 300_000 })
        #expect(nice == (isAllowed ? -20 : 0))
        #expect(child == 0)
        #expect(childSlice == slice)
        #expect(Self.niceness(own) == 0)
    }

    @Test("in a process that gives way to others, or comes first, no thread gives up what it has", arguments: [5, -5])
    func processOfOtherNiceness(_ niceness: CInt) throws {
        let isAllowed = try Self.mayComeBeforeOthers()
        // Only a process with rights has a niceness below 0.
        guard isAllowed || niceness > 0 else { return }
        let found = Mutex<[CInt]>([])
        // A thread of it, which the new ones inherit from.
        let parent = try OwnThread(name: "parent", blocksSignals: false) {
            setpriority(Self.ofThread, id_t(OwnThread.currentIdentifier), niceness)
            for turns in [ThreadTurns.short, .long, .answering, .prompt] {
                let child = try? OwnThread(name: "child", turns: turns) {
                    found.withLock { $0.append(Self.niceness(OwnThread.currentIdentifier)) }
                }
                child?.join()
            }
        }
        parent.join()
        #expect(found.withLock { $0 } == [niceness, niceness] + (niceness > 0 ? [niceness, niceness] : [-10, -20]))
    }

    @Test(
        "turns before those of the host can be given back, and asked for again",
        arguments: [(ThreadTurns.prompt, CInt(-20)), (.answering, -10)]
    )
    func givingBack(_ wanted: ThreadTurns, _ niceness: CInt) throws {
        let isAllowed = try Self.mayComeBeforeOthers()
        let found = Mutex<[CInt]>([])
        let thread = try OwnThread(name: "test") {
            var turns = PromptTurns(wanted)
            for isHeld in [true, false, false, true] {
                turns.hold(isHeld)
                found.withLock { $0.append(Self.niceness(OwnThread.currentIdentifier)) }
            }
        }
        thread.join()
        let least: CInt = isAllowed ? niceness : 0
        #expect(found.withLock { $0 } == [least, 0, 0, least])
    }

    private static let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)

    private static func niceness(_ thread: ThreadIdentifier) -> CInt { getpriority(ofThread, id_t(thread)) }

    /// Whether this process may have threads below niceness 0, as is tried with one.
    private static func mayComeBeforeOthers() throws -> Bool {
        let thread = try TestThread.parked()
        defer { thread.stop() }
        return setpriority(ofThread, id_t(thread.identifier), -20) == 0
    }

    @Test("a name that is too long is cut")
    func longName() throws {
        let thread = try TestThread("0123456789abcdefgh") { signals in
            signals.begin()
            _ = signals.wake.wait(until: nil)
        }
        defer { thread.stop() }
        #expect(try field("Name", of: thread.identifier) == "0123456789abcde")
    }

    @Test("starting one leaves the caller's signals as they were")
    func callersSignals() throws {
        let before = try field("SigBlk", of: OwnThread.currentIdentifier)
        let thread = try OwnThread(name: "test") {}
        #expect(!thread.isCurrent && thread.identifier != OwnThread.currentIdentifier)
        thread.join()
        #expect(try field("SigBlk", of: OwnThread.currentIdentifier) == before)
    }

    @Test("after it was joined it is gone")
    func join() throws {
        let thread = try TestThread.parked()
        let view = ThreadView(thread.identifier)
        #expect(view.cpuNanoseconds() != nil)
        thread.stop()
        // The kernel may take a moment longer than the C library.
        try eventually("the thread is gone") { view.cpuNanoseconds() == nil }
        #expect(view.call() == nil && view.runDelayNanoseconds() == nil && view.lastRun() == nil)
    }

    @Test("of those that nobody waits for nothing is left, whether they end before they are let go, at once or later")
    func detach() async {
        // In a process of its own, of which the memory is nobody else's.
        await #expect(processExitsWith: .success) {
            func mappedBytes() -> Int {
                guard let file = ProcFile(path: "/proc/self/statm") else { return 0 }
                let pages = String(decoding: file.bytes(atMost: 256), as: UTF8.self).split(separator: " ").first
                return (pages.flatMap { Int($0) } ?? 0) * sysconf(CInt(_SC_PAGESIZE))
            }
            let threads = 200
            // What the C library maps for as many threads once it keeps, for their heaps.
            let isWarm = Atomic(false)
            let warm = (0..<threads).compactMap { _ in
                try? OwnThread(name: "warm") { while !isWarm.load(ordering: .acquiring) { usleep(1_000) } }
            }
            isWarm.store(true, ordering: .releasing)
            for thread in warm { thread.join() }
            let before = mappedBytes()
            let goesOn = Atomic(false)
            var identifiers: [ThreadIdentifier] = []
            for _ in 0..<threads {
                let first = try? OwnThread(name: "first") {}
                guard let first else { return }
                let view = ThreadView(first.identifier)
                recordingErrors { try eventually("the thread is gone") { view.cpuNanoseconds() == nil } }
                first.detach()
                let both = try? OwnThread(name: "both") {}
                both?.detach()
            }
            for _ in 0..<threads {
                let last = try? OwnThread(name: "last") { while !goesOn.load(ordering: .acquiring) { usleep(1_000) } }
                last?.detach()
                if let last { identifiers.append(last.identifier) }
            }
            #expect(before > 0 && identifiers.count == threads)
            goesOn.store(true, ordering: .releasing)
            recordingErrors {
                try eventually("all are gone") {
                    OwnThread.identifiersInProcess(atMost: 1_000).allSatisfy { !identifiers.contains($0) }
                }
                // The C library keeps some stacks for the next thread; those of all would be gigabytes.
                let stack = 8 << 20
                try eventually("their memory is given back") { mappedBytes() - before < threads * stack / 4 }
            }
        }
    }

    @Test("the calling thread knows its number")
    func current() {
        #expect(OwnThread.currentIdentifier > 0)
        #expect(Clock.threadCPUNanoseconds(of: OwnThread.currentIdentifier) != nil)
    }
}
