// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Pools of threads of another process.
@Suite("Pools of another process")
struct RemotePoolTests {
    private static let policy = DetectionPolicy(
        resolutionNanoseconds: .milliseconds(10),
        thresholds: Thresholds(warning: .milliseconds(50)),
        isPool: true
    )

    private static func detector(_ size: PoolKind.Size) -> RemotePoolDetector {
        RemotePoolDetector(
            policy: policy,
            kind: PoolKind(name: "workers", size: size, isTimedWaitIdle: true),
            now: at(0)
        )
    }

    private static func drafts(
        _ detector: inout RemotePoolDetector,
        from first: Double,
        to last: Double,
        threads: Int,
        busy: Int
    ) -> [ReportDraft] {
        stride(from: first, through: last, by: 50).flatMap {
            detector.read(.init(instant: at($0), threads: threads, busy: busy))
        }
    }

    @Test("all threads busy for long is told once, at doublings, and at its end")
    func saturated() throws {
        var detector = Self.detector(.all)
        #expect(Self.drafts(&detector, from: 50, to: 200, threads: 4, busy: 3).isEmpty)
        let busy = Self.drafts(&detector, from: 250, to: 1_250, threads: 4, busy: 4)
        #expect(busy.map(\.state) == [.begun, .ongoing])
        let begun = try #require(busy.first)
        #expect(begun.began == at(250) && begun.cause == .starvation && begun.durationNanoseconds == .milliseconds(400))
        #expect(begun.evidence == .bounded && detector.size == 4 && detector.isSaturated)
        #expect(detector.saturatedNanoseconds == .milliseconds(1_000))
        let ended = try #require(Self.drafts(&detector, from: 1_300, to: 1_300, threads: 4, busy: 2).first)
        #expect(ended.state == .ended && ended.durationNanoseconds == .milliseconds(1_000))
        #expect(ended.durationUpperNanoseconds == .milliseconds(1_100))
        #expect(detector.saturatedNanoseconds == 0 && detector.statistics.stallsBySeverity.reduce(0, +) == 1)
    }

    @Test("a pool in which a thread is idle now and then is not saturated")
    func nearlySaturated() {
        var detector = Self.detector(.all)
        for round in 0..<20 {
            let start = Double(round) * 400
            #expect(Self.drafts(&detector, from: start + 50, to: start + 350, threads: 4, busy: 4).isEmpty)
            #expect(Self.drafts(&detector, from: start + 400, to: start + 400, threads: 4, busy: 3).isEmpty)
        }
    }

    @Test("a pool that may start another thread is not saturated, however busy")
    func growing() {
        var detector = Self.detector(.oneOf([40]))
        #expect(Self.drafts(&detector, from: 50, to: 5_000, threads: 39, busy: 39).isEmpty && detector.size == nil)
        let full = Self.drafts(&detector, from: 5_050, to: 6_000, threads: 40, busy: 40)
        #expect(full.map(\.state) == [.begun, .ongoing] && detector.size == 40)
        var unknown = Self.detector(.unknown)
        #expect(Self.drafts(&unknown, from: 50, to: 5_000, threads: 8, busy: 8).isEmpty)
    }

    @Test("a pool whose work can be seen to wait is full as long as it does, whatever its size")
    func waiting() throws {
        var detector = Self.detector(.whenWorkWaits)
        func read(from first: Double, to last: Double, busy: Int, waiting: Int?) -> [ReportDraft] {
            stride(from: first, through: last, by: 50).flatMap {
                detector.read(.init(instant: at($0), threads: 3, busy: busy, waiting: waiting))
            }
        }
        // All are busy, and nothing waits; something waits, and one takes it; it is not known.
        #expect(read(from: 50, to: 1_000, busy: 3, waiting: 0).isEmpty && detector.size == nil)
        #expect(read(from: 1_050, to: 2_000, busy: 2, waiting: 5).isEmpty)
        #expect(read(from: 2_050, to: 3_000, busy: 3, waiting: nil).isEmpty)
        let busy = read(from: 3_050, to: 3_500, busy: 3, waiting: 7)
        #expect(busy.map(\.state) == [.begun] && busy.map(\.depth) == [7] && detector.size == 3)
        #expect(read(from: 3_550, to: 3_600, busy: 3, waiting: 4).isEmpty)
        let ended = read(from: 3_650, to: 3_650, busy: 3, waiting: 0)
        // The most that waited.
        #expect(ended.map(\.state) == [.ended] && ended.map(\.depth) == [7])
    }

    @Test("what is found to be other work is not counted, and ends what was told")
    func withdrawn() throws {
        var detector = Self.detector(.swiftJobs(2))
        // Two of four are as many as may run jobs.
        #expect(Self.drafts(&detector, from: 50, to: 1_000, threads: 4, busy: 1).isEmpty)
        #expect(Self.drafts(&detector, from: 1_050, to: 1_450, threads: 4, busy: 2).map(\.state) == [.begun])
        #expect(detector.withdraw(wasTold: false, at: at(1_460)).isEmpty && !detector.isSaturated)
        #expect(detector.gone(at: at(1_470)).isEmpty)
        #expect(Self.drafts(&detector, from: 1_500, to: 2_400, threads: 4, busy: 3).map(\.state) == [.begun, .ongoing])
        #expect(detector.withdraw(wasTold: true, at: at(2_410)).map(\.state) == [.ended])
        #expect(detector.statistics.stallsBySeverity.reduce(0, +) == 1)
        #expect(detector.withdraw(wasTold: true, at: at(2_420)).isEmpty)
        // Fewer threads than may run jobs.
        #expect(Self.drafts(&detector, from: 2_450, to: 4_000, threads: 1, busy: 1).isEmpty)
    }

    @Test("a pool that goes with its process ends its report")
    func gone() {
        var detector = Self.detector(.all)
        _ = Self.drafts(&detector, from: 50, to: 1_000, threads: 2, busy: 2)
        #expect(detector.gone(at: at(1_010)).map(\.state) == [.ended])
        #expect(detector.gone(at: at(1_020)).isEmpty)
    }

    @Test("threads are told apart by their names")
    func names() {
        let node = PoolRecognition(mainComm: "node", program: "/usr/bin/node", processors: 2)
        #expect(node.kind(comm: "libuv-worker", isMain: false)?.name == "libuv-workers")
        #expect(node.kind(comm: "node", isMain: false) == nil && node.kind(comm: "node", isMain: true) == nil)
        let python = PoolRecognition(mainComm: "uvicorn", program: "/usr/bin/python3.11", processors: 2)
        let workers = python.kind(comm: "uvicorn", isMain: false)
        #expect(workers?.name == "python-workers" && workers?.isTimedWaitIdle == false)
        #expect(workers?.fullSize(threads: 40) == 40 && workers?.fullSize(threads: 46) == 46)
        #expect(workers?.fullSize(threads: 6) == nil && workers?.fullSize(threads: 41) == nil)
        #expect(python.kind(comm: "AnyIO worker th", isMain: false)?.fullSize(threads: 40) == 40)
        #expect(python.kind(comm: "asyncio_3", isMain: false)?.fullSize(threads: 6) == 6)
        #expect(python.kind(comm: "uvicorn", isMain: true) == nil)
        let executors = [1, 2].map { PoolRecognition.pythonExecutor(number: $0) }
        #expect(executors.map(\.name) == ["thread-pool-executor", "thread-pool-executor-2"])
        #expect(executors[0].fullSize(threads: 6) == nil && executors[0].fullSize(threads: 6, waiting: 1) == 6)
        let swift = PoolRecognition(mainComm: "server", program: "/usr/bin/server", processors: 2)
        #expect(swift.kind(comm: "SGLTN-TP-#1", isMain: false)?.name == "nio-singleton")
        #expect(swift.kind(comm: "oot.default-qos", isMain: false)?.size == .swiftJobs(2))
        #expect(swift.kind(comm: "-qos.overcommit", isMain: false) == nil)
        #expect(swift.kind(comm: "NIO-ELT-0-#0", isMain: false) == nil)
    }
}
