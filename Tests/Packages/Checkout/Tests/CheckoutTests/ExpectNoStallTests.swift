// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Checkout
import Dispatch
import Glibc
import Loopwatch
import LoopwatchTesting
import Synchronization
import Testing

/// Everything that blocks, one after another; what runs at the same time is in one test.
extension Serial {
    @Suite("expectNoStall")
    struct ExpectNoStallTests {
        let checkout = Checkout()
        let lines = Lines()

        @Test("passes code that suspends, and gives back what it returns and throws")
        func healthy() async throws {
            try await expectNoStall { try await checkout.order() }
            #expect(await expectNoStall { 7 } == 7)
            await #expect(throws: CancellationError.self) {
                try await expectNoStall { throw CancellationError() }
            }
        }

        @Test("passes code that blocks for less than the threshold")
        func shortBlocks() async {
            await expectNoStall(threshold: .milliseconds(500)) { await checkout.pay(microseconds: 20_000) }
        }

        @Test("is not for what the test did before")
        func blockedBefore() async {
            usleep(200_000)
            await expectNoStall { await checkout.pay(microseconds: 1_000) }
        }

        @Test("fails code that sleeps in the body")
        func sleepsInBody() async {
            await fails(with: [
                "pool thread blocked for ", " at Checkout.askBank(microseconds:) Checkout.swift:\(lines.askBank) ",
                "< Checkout.pay(microseconds:)",
                "(syscall:clock_nanosleep)",
            ]) {
                await expectNoStall { await checkout.pay(microseconds: 400_000) }
            }
        }

        @Test("fails code that sleeps in a task that it starts")
        func sleepsInTask() async {
            await fails(with: [
                "pool thread blocked for ", " at Checkout.askBank(microseconds:) Checkout.swift:\(lines.askBank) ",
                "(syscall:clock_nanosleep)",
            ]) {
                await expectNoStall { await Task { await checkout.pay(microseconds: 400_000) }.value }
            }
        }

        @Test("waits for a block that goes on when the body has returned")
        func goesOn() async {
            await fails(with: [
                "pool thread blocked for ", " at Checkout.askBank(microseconds:) Checkout.swift:\(lines.askBank) ",
            ]) {
                await expectNoStall { checkout.payLater(microseconds: 300_000) }
            }
        }

        @Test("fails code that throws as well")
        func blocksAndThrows() async {
            await fails(with: ["Checkout.askBank(microseconds:)"]) {
                await #expect(throws: CancellationError.self) {
                    try await expectNoStall {
                        await checkout.pay(microseconds: 400_000)
                        throw CancellationError()
                    }
                }
            }
        }

        @Test("fails code that computes")
        func computes() async {
            await fails(with: [
                "pool thread blocked for ", " at Checkout.addUp(_:) Checkout.swift:",
                "< Checkout.printInvoice(milliseconds:)",
            ]) {
                await expectNoStall { _ = await Task { await checkout.printInvoice(milliseconds: 200) }.value }
            }
        }

        @Test("fails code that waits for a semaphore")
        func waitsForSemaphore() async {
            let stock = DispatchSemaphore(value: 0)
            await fails(with: [
                "pool thread blocked for ", " at Checkout.waitFor(_:) Checkout.swift:\(lines.waitFor) ", "(lock)",
            ]) {
                await expectNoStall {
                    signal(stock, times: 1, afterMicroseconds: 400_000)
                    await Task(name: "reservation") { await checkout.reserve(stock) }.value
                }
            }
        }

        @Test("fails code that blocks the main actor")
        func blocksMainActor() async {
            await fails(with: [
                "main actor blocked for ", " at Checkout.askBank(microseconds:) Checkout.swift:\(lines.askBank) ",
                "Checkout.showReceipt",
            ]) {
                await expectNoStall { await checkout.showReceipt(microseconds: 400_000) }
            }
        }

        @Test("fails code that holds every thread of the pool while others wait")
        func drainsPool() async {
            let stock = DispatchSemaphore(value: 0)
            let tasks = 2 * Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))
            await fails(
                with: [
                    "pool blocked for ", "threads were held", "Checkout.waitFor(_:) Checkout.swift:\(lines.waitFor)",
                ],
                others: ["pool thread blocked for "]
            ) {
                await expectNoStall {
                    signal(stock, times: tasks, afterMicroseconds: 600_000)
                    await withTaskGroup { group in
                        for _ in 0..<tasks { group.addTask { await checkout.reserve(stock) } }
                    }
                }
            }
        }

        @Test("fails code that blocks a loop that was given")
        func blocksLoop() async {
            let queue = DispatchQueue(label: "orders")
            await fails(with: ["loop orders blocked for ", "(syscall:clock_nanosleep)"]) {
                await expectNoStall(targets: [.queue("orders", queue)]) {
                    await withCheckedContinuation { continuation in
                        queue.async {
                            usleep(200_000)
                            continuation.resume()
                        }
                    }
                }
            }
        }

        @Test("tells blocks of bodies apart that run at the same time")
        func atTheSameTime() async {
            await fails(with: ["Checkout.askBank(microseconds:)"]) {
                await withTaskGroup { group in
                    group.addTask {
                        await expectNoStall {
                            await Task { await checkout.pay(microseconds: 400_000) }.value
                        }
                    }
                    // An issue of this one would be a second.
                    group.addTask { try? await expectNoStall { try await checkout.order() } }
                }
            }
        }

        @Test("fails synchronous code that blocks its thread, and gives back what it returns")
        func synchronous() {
            #expect(expectNoStall { 7 } == 7)
            let issues = Mutex<[String]>([])
            withKnownIssue {
                expectNoStall { checkout.payNow(microseconds: 400_000) }
            } matching: { issue in
                issues.withLock { $0.append("\(issue)") }
                return true
            }
            let texts = issues.withLock { $0 }
            #expect(texts.count == 1)
            let words = [
                "the body's thread blocked for ",
                " at Checkout.askBank(microseconds:) Checkout.swift:\(lines.askBank) ",
            ]
            #expect(words.allSatisfy { texts.first?.contains($0) == true }, "\(texts)")
        }

        @Test("says when a threshold is not allowed, and runs the body")
        func wrongThreshold() async {
            await fails(with: ["expectNoStall checks nothing", "5 ms"]) {
                #expect(await expectNoStall(threshold: .milliseconds(1)) { 3 } == 3)
            }
        }

        /// Expects exactly one issue with these words, besides those with others.
        private func fails(with words: [String], others: [String] = [], _ body: () async -> Void) async {
            let issues = Mutex<[String]>([])
            await withKnownIssue {
                await body()
            } matching: { issue in
                issues.withLock { $0.append("\(issue)") }
                return true
            }
            let texts = issues.withLock { $0 }
            let (known, rest) = (
                texts.filter { text in words.allSatisfy(text.contains) },
                texts.filter { text in !words.allSatisfy(text.contains) }
            )
            #expect(known.count == 1, "\(texts)")
            #expect(rest.allSatisfy { text in others.contains { text.contains($0) } }, "\(texts)")
        }
    }

}
/// Signals a semaphore from a thread that is not the pool's.
func signal(_ semaphore: DispatchSemaphore, times: Int, afterMicroseconds microseconds: UInt32) {
    let thread = SignallingThread(semaphore: semaphore, times: times, microseconds: microseconds)
    var handle = pthread_t()
    let code = pthread_create(
        &handle,
        nil,
        { argument in
            let thread = Unmanaged<SignallingThread>.fromOpaque(argument!).takeRetainedValue()
            usleep(thread.microseconds)
            for _ in 0..<thread.times { thread.semaphore.signal() }
            return nil
        },
        Unmanaged.passRetained(thread).toOpaque()
    )
    precondition(code == 0, "no thread for a test: pthread_create returned \(code)")
    pthread_detach(handle)
}

/// What a signalling thread is told.
private final class SignallingThread: Sendable {
    let semaphore: DispatchSemaphore
    let times: Int
    let microseconds: UInt32

    init(semaphore: DispatchSemaphore, times: Int, microseconds: UInt32) {
        self.semaphore = semaphore
        self.times = times
        self.microseconds = microseconds
    }
}
