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

    /// Computes for a time.
    @inline(never)
    public func printInvoice(for duration: Duration) async -> UInt64 {
        var hash: UInt64 = 0
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            hash = addUp(hash)
        }
        return hash
    }

    @inline(never)
    private func addUp(_ start: UInt64) -> UInt64 {
        var (hash, count) = (start, 0)
        while count < 100_000 {
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
