// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

/// Executors of Pythons of this machine, looked at from outside.
@Suite("Workers of Python", .serialized, .timeLimit(.minutes(10)))
struct PythonWorkersTests {
    private static let program = """
        import concurrent.futures, threading, time

        def work(): time.sleep(600)

        first = concurrent.futures.ThreadPoolExecutor(3)
        second = concurrent.futures.ThreadPoolExecutor(2)
        for _ in range(8): first.submit(work)
        for _ in range(2): second.submit(work)
        threading.Thread(target=work, daemon=True).start()
        while first._work_queue.qsize() != 5 or second._work_queue.qsize() != 0: time.sleep(0.01)
        print("ready", flush=True)
        work()
        """

    @Test(
        "are told by the queue that they take work from, and how much waits in it",
        .enabled(if: !RemotePythonTests.interpreters.isEmpty, "there is no Python 3.11 to 3.13 here"),
        arguments: RemotePythonTests.interpreters
    )
    func workers(interpreter: String) throws {
        let target = try TargetProcess([interpreter, "-c", Self.program], untilLine: "ready")
        var reader = try RemoteStackReader(process: target.identifier)
        let tells = reader.tellsPythonWorkers
        #expect(tells)
        let memory = ProcessMemory(process: target.identifier)
        var counts: [PythonWorkQueue: Int] = [:]
        var others = 0
        for thread in RemoteThreadList.identifiers(of: target.identifier) where thread != target.identifier {
            var worker: PythonWorker?
            try eventually("thread \(thread) is told") {
                worker = reader.pythonWorker(thread)
                return worker != nil
            }
            switch worker {
            case .executor(let queue)?: counts[queue, default: 0] += 1
            case .other?: others += 1
            case nil: break
            }
        }
        #expect(others == 1 && counts.values.sorted() == [2, 3])
        let depths = Dictionary(uniqueKeysWithValues: counts.map { ($0.value, $0.key.depth(in: memory)) })
        #expect(depths[3] == 5 && depths[2] == 0)
        // The main thread is no worker, and nothing was stopped.
        let main = reader.pythonWorker(target.identifier)
        #expect(main == .other)
        #expect(reader.statistics.stops == 0)
    }

    @Test(
        "an executor is a pool of its own, saturated only while work waits",
        .enabled(if: !RemotePythonTests.interpreters.isEmpty, "there is no Python 3.11 to 3.13 here")
    )
    func pools() throws {
        let interpreter = try #require(RemotePythonTests.interpreters.first)
        let target = try TargetProcess([interpreter, "-c", Self.program], untilLine: "ready")
        var reader = try RemoteStackReader(process: target.identifier)
        let policy = DetectionPolicy(resolutionNanoseconds: 10_000_000, thresholds: Thresholds())
        var watch = try ProcessWatch(process: target.identifier, options: .init(policy: policy), now: Clock.now())
        watch.willBeToldWorkers()
        var drafts: [String: [ReportDraft]] = [:]
        var found: [String: Int] = [:]
        try eventually("the full one is told") {
            for said in watch.look(now: Clock.now()) {
                if case .found(let pool) = said { found[pool.name] = pool.threads.count }
                if case .report(let draft, let pool, _) = said { drafts[pool.name, default: []].append(draft) }
            }
            for thread in watch.threadsToTell() { watch.note(reader.pythonWorker(thread), of: thread) }
            return !drafts.isEmpty
        }
        // Which of the two is the first depends on the order of the threads.
        #expect(found.filter { $0.key.hasPrefix("thread-pool-executor") }.values.sorted() == [2, 3], "\(found)")
        let full = try #require(drafts.first)
        #expect(drafts.count == 1 && found[full.key] == 3)
        #expect(full.value.first?.cause == .starvation && full.value.first?.depth == 5)
        #expect(found[PoolRecognition.pythonWorkers] == 1)
        kill(target.identifier, SIGKILL)
    }

    @Test("what is no queue has no depth", arguments: ["3.11", "3.12", "3.13", "3.14"])
    func garbage(version: String) {
        let memory = FabricatedMemory()
        let object = memory.object(128)
        let type = memory.object(64)
        let list = memory.object(64)
        let name = memory.object(64)
        memory.put(type, at: object + 8)
        memory.put(name, at: type + 24)
        #expect(PythonWorkQueue(at: object, in: memory, version: version) == nil)
        for (index, byte) in "_queue.SimpleQueue\0".utf8.enumerated() { memory.put(byte, at: name + UInt64(index)) }
        let queue = PythonWorkQueue(at: object, in: memory, version: version)
        #expect((queue == nil) == (version == "3.14"))
        guard let queue else { return }
        memory.put(list, at: object + 32)
        memory.put(UInt64(9), at: list + 16)
        memory.put(UInt64(2), at: object + 40)
        memory.put(UInt64(7), at: object + 56)
        #expect(queue.depth(in: memory) == 7)
        memory.put(UInt64.max, at: list + 16)
        memory.put(UInt64.max, at: object + 56)
        #expect(queue.depth(in: memory) == nil)
        memory.put(UInt64(0), at: object + 8)
        #expect(queue.depth(in: memory) == nil)
        #expect(PythonWorkQueue(at: 0, in: memory, version: version) == nil)
        #expect(PythonWorkQueue(at: object + 1, in: memory, version: version) == nil)
    }
}
