// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Checkout
import Dispatch
import Foundation
import LoopwatchTesting
import Testing
import XCTest

/// Tests that fail as a user's would; they do something only where ``OutputTests`` runs them in a process of its own.
enum Failing {
    /// Which of them are to fail.
    static let chosen = ProcessInfo.processInfo.environment["CHECKOUT_FAILING"]
}

struct FailingTests {
    @Test func checkoutBlocksNobody() async {
        guard Failing.chosen == "swift-testing" else { return }
        // The next line is swiftTesting.
        await expectNoStall { await Checkout().pay(microseconds: 312_000) }
    }
}

struct HangingTests {
    @Test func neverEnds() async {
        guard Failing.chosen == "hanging" else { return }
        // The next line is hanging.
        await expectNoStall { await Checkout().reserve(DispatchSemaphore(value: 0)) }
    }
}

final class FailingXCTests: XCTestCase {
    func testCheckoutBlocksNobody() async {
        guard Failing.chosen == "xctest" else { return }
        // The next line is xctest.
        await expectNoStall { await Checkout().pay(microseconds: 312_000) }
    }

    func testPaysSynchronously() {
        guard Failing.chosen == "xctest" else { return }
        expectNoStall { Checkout().payNow(microseconds: 120_000) }
    }

    func testOrderIsHealthy() async throws {
        try await expectNoStall { try await Checkout().order() }
    }
}
