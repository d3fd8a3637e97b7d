// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Long enough for a machine on which others have most of the CPU.
private let patient = CapturePolicy(waitNanosecondsMost: 2_000_000_000)

extension Captures {
    /// Threads that compute are interrupted, and go on as before.
    ///
    /// What concerns the handler, which the process has one of, is tried in processes of their own: other tests use it.
    @Suite("Signalled capture")
    struct Signalled {
        @Test(
            "a thread that computes is found where it computes, with the contents of its stack",
            .disabled(
                if: isThreadSanitized || isAddressSanitized,
                "the one delivers signals late, the other moves what functions keep on the stack"
            )
        )
        func spinning() throws {
            let place = Box(Atomic<UInt>(0))
            let shared = Box(Atomic<UInt>(0))
            let thread = try TestThread { signals in
                unblock()
                let bytes = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 16)
                defer { bytes.deallocate() }
                // Known outside, so that the compiler has to write to it.
                shared.value.store(UInt(bitPattern: bytes), ordering: .releasing)
                withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { words in
                    for index in 0..<64 { words[index] = 0xfeed_0000 + UInt64(index) }
                    place.value.store(UInt(bitPattern: words.baseAddress), ordering: .releasing)
                    signals.begin()
                    // A function of the C library, so that the loader can tell where the program counter is.
                    while !signals.isStopping { memset(bytes, 65, 1 << 20) }
                }
            }
            defer { thread.stop() }
            let words = UInt64(place.value.load(ordering: .acquiring))
            var capture = ThreadCapture(policy: patient)
            let view = ThreadView(thread.identifier)
            var inLibrary = 0
            for _ in 0..<50 {
                let pc = try capture.capture(view) { registers, memory, isLive in
                    #expect(!isLive)
                    for index in 0..<64 {
                        #expect(memory.word(at: words + 8 * UInt64(index)) == 0xfeed_0000 + UInt64(index))
                    }
                    #expect(registers.stackPointer <= words && words - registers.stackPointer < 65_536)
                    return registers.programCounter
                }.get()
                if modulePath(pc)?.contains("libc.so") == true { inLibrary += 1 }
            }
            #expect(inLibrary >= 45)
            #expect(capture.statistics.signalled == 50 && capture.statistics.omitted == 0)
            #expect(capture.statistics.pauseNanosecondsMaximum > 0)
        }

        @Test("errno of the thread is kept")
        func errnoKept() throws {
            let changed = Box(Atomic<Bool>(false))
            let thread = try TestThread { signals in
                unblock()
                errno = 4_242
                signals.begin()
                while !signals.isStopping { if errno != 4_242 { changed.value.store(true, ordering: .releasing) } }
            }
            defer { thread.stop() }
            var capture = ThreadCapture(policy: patient)
            let view = ThreadView(thread.identifier)
            for _ in 0..<50 { _ = capture.capture(view) { _, _, _ in } }
            if !isThreadSanitized { #expect(capture.statistics.signalled == 50) }
            let isChanged = changed.value.load(ordering: .acquiring)
            #expect(!isChanged)
        }

        @Test("a thread that computes and sleeps in turns has none of its sleeps cut short")
        func turns() throws {
            let disturbed = Box(Atomic<Int>(0))
            let sleeps = Box(Atomic<Int>(0))
            let thread = try TestThread { signals in
                unblock()
                signals.begin()
                while !signals.isStopping {
                    let until = Clock.now().advanced(byNanoseconds: 500_000)
                    while Clock.now() < until {}
                    if usleep(60) != 0 || poll(nil, 0, 1) != 0 { disturbed.value.add(1, ordering: .relaxed) }
                    sleeps.value.add(2, ordering: .relaxed)
                }
            }
            defer { thread.stop() }
            var capture = ThreadCapture(policy: CapturePolicy())
            let view = ThreadView(thread.identifier)
            try eventually("some captures by signal") {
                for _ in 0..<5 { _ = capture.capture(view) { _, _, _ in } }
                return sleeps.value.load(ordering: .relaxed) >= 20
                    && (isThreadSanitized || capture.statistics.signalled >= 5)
            }
            #expect((disturbed.value.load(ordering: .relaxed)) == 0)
        }

        @Test("a handler that someone else has installed is respected")
        func foreign() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    Handlers.set { _, _, _ in }
                    defer { Handlers.set(nil) }
                    let theirs = Handlers.address()
                    let capture = ThreadCapture(policy: patient)
                    if case .handlerTaken(let module) = capture.signallingOmission {
                        #expect(module != nil)
                    } else {
                        Issue.record("\(String(describing: capture.signallingOmission))")
                    }
                    #expect(Handlers.address() == theirs)
                    capture.close()
                    #expect(Handlers.address() == theirs)
                }
            }
        }

        @Test("a handler that someone installs later is respected")
        func replaced() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let thread = try TestThread.signallable()
                    defer { thread.stop() }
                    var capture = ThreadCapture(policy: patient)
                    let view = ThreadView(thread.identifier)
                    _ = capture.capture(view) { _, _, _ in }
                    Handlers.set { _, _, _ in Captures.foreignSignals.add(1, ordering: .relaxed) }
                    defer { Handlers.set(nil) }
                    let theirs = Handlers.address()
                    try eventually("the thread is seen running") { view.call() == .running }
                    #expect(capture.capture(view) { _, _, _ in }.omission == .handlerTaken(by: nil))
                    capture.close()
                    #expect(Handlers.address() == theirs)
                    #expect((Captures.foreignSignals.load(ordering: .relaxed)) == 0)
                }
            }
        }

        @Test("the last one that closes puts back what was there before")
        func puttingBack() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    #expect(Handlers.address() == 0)
                    let first = ThreadCapture(policy: patient)
                    let ours = Handlers.address()
                    #expect(ours > 1)
                    let second = ThreadCapture(policy: patient)
                    #expect(first.signallingOmission == nil && second.signallingOmission == nil)
                    first.close()
                    #expect(Handlers.address() == ours)
                    second.close()
                    #expect(Handlers.address() == 0)
                }
            }
        }

        @Test("a stray signal does nothing")
        func stray() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let thread = try TestThread.signallable()
                    defer { thread.stop() }
                    var capture = ThreadCapture(policy: patient)
                    unblock()
                    for _ in 0..<100 { pthread_kill(pthread_self(), SIGPROF) }
                    // The profiling timer of the process sends the same signal, to whichever thread runs.
                    var every = itimerval(
                        it_interval: timeval(tv_sec: 0, tv_usec: 4_000),
                        it_value: timeval(tv_sec: 0, tv_usec: 4_000)
                    )
                    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &every, nil)
                    for _ in 0..<20 { _ = capture.capture(ThreadView(thread.identifier)) { _, _, _ in } }
                    every = itimerval()
                    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &every, nil)
                    #expect(isThreadSanitized || capture.statistics.signalled == 20)
                    // One that is on its way still must not meet the default action.
                    try Captures.settle()
                }
            }
        }

        @Test("a thread that blocks the signal is not signalled, and one that may not be is not either")
        func blocked() throws {
            let thread = try TestThread.computing()
            defer { thread.stop() }
            let view = ThreadView(thread.identifier)
            try eventually("the thread is seen running") { view.call() == .running }
            var capture = ThreadCapture(policy: patient)
            #expect(capture.capture(view) { _, _, _ in }.omission == .signalBlocked)
            var passive = ThreadCapture(policy: CapturePolicy(isSignallingAllowed: false))
            #expect(passive.capture(view) { _, _, _ in }.omission == .signallingSwitchedOff)
        }

        @Test("a capture that does not wait gets nothing, and what comes late does nothing")
        func late() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let thread = try TestThread.signallable()
                    defer { thread.stop() }
                    let view = ThreadView(thread.identifier)
                    for wait in [0, 1, 50_000, 1_000_000] as [Int64] {
                        var capture = ThreadCapture(policy: CapturePolicy(waitNanosecondsMost: wait))
                        for _ in 0..<100 { _ = capture.capture(view) { _, _, _ in } }
                        #expect(wait > 1 || capture.statistics.omitted > 0)
                        capture.close()
                    }
                    #expect(Handlers.address() == 0)
                }
            }
        }

        @Test("watches have a slot each, as long as there are any")
        func slots() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    func nested(_ depth: Int) -> Int {
                        let capture = ThreadCapture(policy: patient)
                        if let omission = capture.signallingOmission {
                            #expect(omission == .tooManyWatches)
                            return depth
                        }
                        return depth > 100 ? depth : nested(depth + 1)
                    }
                    #expect(nested(0) == 32)
                    #expect(nested(0) == 32)
                    #expect(Handlers.address() == 0)
                }
            }
        }

        @Test("several threads are captured at the same time, and nothing waits meanwhile")
        func parallel() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let threads = try (0..<4).map { _ in try TestThread.signallable() }
                    defer { threads.forEach { $0.stop() } }
                    var capture = ThreadCapture(policy: patient, parallel: 4)
                    var underWay: [(thread: ThreadIdentifier, capture: SignalledCapture)] = []
                    var taken = 0
                    try eventually("all are seen running, and captured") {
                        for thread in threads where capture.hasRoom && underWay.count < 4 {
                            if underWay.contains(where: { $0.thread == thread.identifier }) { continue }
                            let start = capture.begin(ThreadView(thread.identifier)) { _, _, _ in }
                            if case .underWay(let begun) = start { underWay.append((thread.identifier, begun)) }
                        }
                        underWay.removeAll { begun in
                            var begun = begun.capture
                            guard let result = capture.poll(&begun, { _, _, isLive in isLive }) else { return false }
                            if case .success(false) = result { taken += 1 }
                            return true
                        }
                        return isThreadSanitized || taken >= 20
                    }
                    for begun in underWay { capture.cancel(begun.capture) }
                    let hasRoom = capture.hasRoom
                    #expect(hasRoom)
                    capture.close()
                    try eventually("the handler goes") { Handlers.address() == 0 || isThreadSanitized }
                }
            }
        }

        @Test("a watch that wants many slots leaves some for others")
        func shares() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    func nested(_ depth: Int) -> Int {
                        let capture = ThreadCapture(policy: patient, parallel: 8)
                        if capture.signallingOmission != nil || depth > 100 { return depth }
                        let hasRoom = capture.hasRoom
                        #expect(hasRoom)
                        return nested(depth + 1)
                    }
                    #expect(nested(0) >= 8)
                    #expect(Handlers.address() == 0)
                }
            }
        }

        @Test("a signal that cannot be caught is refused")
        func signalNumbers() {
            // A number that is none, and one that cannot be caught.
            for signal in [0, -1, 65, SIGKILL] as [CInt] {
                let capture = ThreadCapture(policy: CapturePolicy(signal: signal))
                if case .refused = capture.signallingOmission { continue }
                Issue.record("signal \(signal): \(String(describing: capture.signallingOmission))")
            }
        }
    }

    /// Signals that a handler of the tests got.
    static let foreignSignals = Atomic<Int>(0)

    /// Waits until no signal is on its way.
    static func settle() throws {
        try eventually("no signal is pending") {
            guard let signals = ThreadSignals(of: OwnThread.currentIdentifier) else { return false }
            return !signals.awaits(SIGPROF)
        }
    }
}
