// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("What is told of other processes as a whole")
struct WatchedProcessTests {
    private static func metrics(_ snapshot: WatchSnapshot) throws -> [String: Double] {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(snapshot, into: &bytes)
        let samples = try PrometheusTextValidator.parse(bytes).flatMap(\.samples)
        return Dictionary(
            samples.map { sample in
                let labels = sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                return (([sample.name] + labels).joined(separator: " "), sample.value)
            }
        ) { first, _ in first }
    }

    @Test("stops of threads are counted and timed by their reason, and what became of system calls")
    func stops() throws {
        let metrics = try Self.metrics(Snapshots.complete())
        #expect(metrics["loopwatch_thread_stop_seconds_count process=uvicorn reason=stack"] == 3)
        #expect(metrics["loopwatch_thread_stop_seconds_sum process=uvicorn reason=stack"] == 0.00061)
        #expect(metrics["loopwatch_thread_stop_seconds_bucket le=0.0001 process=uvicorn reason=stack"] == 2)
        #expect(metrics["loopwatch_thread_stop_seconds_bucket le=0.1 process=uvicorn reason=wait"] == 0)
        #expect(metrics["loopwatch_thread_stop_seconds_count process=uvicorn reason=wait"] == 1)
        #expect(metrics["loopwatch_thread_stop_calls_total outcome=restarted process=uvicorn"] == 2)
        #expect(metrics["loopwatch_thread_stop_calls_total outcome=interrupted process=uvicorn"] == 1)
    }

    @Test("how often loops are looked at has the process that they are of")
    func looks() throws {
        let metrics = try Self.metrics(Snapshots.complete())
        #expect(metrics["loopwatch_process_look_interval_seconds process=uvicorn"] == 0.018)
    }

    @Test("interruptions have the process that they were of")
    func interruptions() throws {
        let metrics = try Self.metrics(Snapshots.complete())
        #expect(metrics["loopwatch_interruptions_total cause=suspended process=api"] == 1)
        #expect(metrics["loopwatch_interruptions_total cause=starved process=api"] == 3)
        #expect(metrics["loopwatch_interruptions_total cause=suspended process=uvicorn"] == 4)
        #expect(metrics["loopwatch_interrupted_seconds_total cause=suspended process=uvicorn"] == 3.5)
        // From outside it is not known for how long a process would have liked to run.
        #expect(metrics["loopwatch_interruptions_total cause=starved process=uvicorn"] == nil)
    }

    @Test("the status says what watching did to a process")
    func status() {
        let text = StatusWriterTests.text(Snapshots.complete())
        #expect(
            text.contains(
                "\nprocess uvicorn is pid 100; its threads were held 4 times to be read, 200ms in all, which cut 1 of its "
                    + "system calls short; it was suspended 4 times, 3500ms in all\n"
            ),
            "\(text)"
        )
        #expect(StatusWriterTests.page(Snapshots.complete()).contains("<bdi>uvicorn</bdi> is pid 100; its threads"))
        var untouched = Snapshots.empty()
        untouched.processes = [RemoteProcessSnapshot(process: RemoteProcessName(name: "redis", identifier: 7))]
        #expect(
            StatusWriterTests.text(untouched).contains(
                "\nprocess redis is pid 7; its threads were never held to be read\n"
            )
        )
    }
}
