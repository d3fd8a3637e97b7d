// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Dispatch
internal import Glibc

/// A shop with the faults that servers have.
public struct Checkout: Sendable {
    /// Creates a shop.
    public init() {}

    /// Suspends, as it should.
    public func order() async throws {
        for _ in 0..<5 {
            try await Task.sleep(for: .milliseconds(30))
            await Task.yield()
        }
    }

    /// Asks a synchronous driver.
    public func pay(microseconds: UInt32) async {
        askBank(microseconds: microseconds)
        await Task.yield()
    }

    /// Asks the driver, for a caller that is not asynchronous.
    public func payNow(microseconds: UInt32) { askBank(microseconds: microseconds) }

    /// Starts a task that asks the driver, and does not wait for it.
    public func payLater(microseconds: UInt32) {
        Task { await pay(microseconds: microseconds) }
    }

    /// The driver.
    @inline(never)
    func askBank(microseconds: UInt32) {
        usleep(microseconds)  // askBank
    }

    /// Computes until its thread has had so much CPU time.
    @inline(never)
    public func printInvoice(milliseconds: Int) async -> UInt64 {
        var hash: UInt64 = 0
        let end = cpuMilliseconds() + milliseconds
        while cpuMilliseconds() < end {
            hash = addUp(hash)
        }
        return hash
    }

    private func cpuMilliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    @inline(never)
    private func addUp(_ start: UInt64) -> UInt64 {
        var (hash, count) = (start, 0)
        while count < 1_000_000 {
            hash = hash &* 31 &+ 7
            count += 1
        }
        return hash
    }

    /// Waits for another thread.
    @inline(never)
    public func reserve(_ stock: DispatchSemaphore) async { waitFor(stock) }

    @inline(never)
    private func waitFor(_ stock: DispatchSemaphore) {
        stock.wait()  // waitFor
    }

    /// Draws on the main actor, for too long.
    @MainActor
    public func showReceipt(microseconds: UInt32) {
        askBank(microseconds: microseconds)
    }
}
