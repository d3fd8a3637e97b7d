// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchTesting
import NIOCore
import NIOPosix
import Testing
import XCTest

// What is compiled here is in the documentation of LoopwatchTesting, and in the comment of `expectNoStall`. It runs as well.

/// A shop that suspends, as it should.
struct Shop: Sendable {
    /// What is bought.
    typealias Cart = [String]

    /// Buys.
    func checkout(_ cart: Cart) async throws { try await Task.sleep(for: .milliseconds(1)) }

    /// Counts.
    func stock() -> Int { 7 }

    /// Pays, by a driver that blocks.
    func pay() async { askBank() }

    @inline(never)
    private func askBank() { usleep(400_000) }
}

// sample: XCTest
final class CheckoutCase: XCTestCase {
    func testCheckoutBlocksNobody() async throws {
        let shop = Shop()
        try await expectNoStall(threshold: .milliseconds(500)) {
            try await shop.checkout(["tea"])
        }
    }
}
// end

extension Serial {
    @Suite("The comment of expectNoStall")
    struct CommentSamples {
        let shop = Shop()
        let cart = ["tea"]

        // sample: expectNoStall
        @Test func checkoutBlocksNobody() async throws {
            try await expectNoStall { try await shop.checkout(cart) }
        }
        // end
    }

    // sample: Swift Testing
    @Suite(.serialized) struct CheckoutTests {
        let shop = Shop()

        @Test func checkoutBlocksNobody() async throws {
            try await expectNoStall(threshold: .milliseconds(500)) {
                try await shop.checkout(["tea", "cups"])
            }
        }

        @Test func stockIsAtHand() {
            #expect(expectNoStall { shop.stock() } == 7)
        }
    }
    // end

    @Suite("Samples with loops")
    struct LoopSamples {
        @Test func loopsAreWatched() async throws {
            // sample: targets
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let loop = group.next()
            let greeting = try await expectNoStall(targets: [.loop("http-0") { loop.execute($0) }]) {
                try await loop.submit { "hello" }.get()
            }
            #expect(greeting == "hello")
            // end
            try await group.shutdownGracefully()
        }
    }
    @Suite("What the documentation says of failures")
    struct FailureSamples {
        @Test("a failure says where the code has blocked and why")
        func failure() async {
            await withKnownIssue {
                await expectNoStall { await Shop().pay() }
            } matching: { issue in
                let text = "\(issue.comments)"
                return text.contains("pool thread blocked for ")
                    && text.contains("at Shop.askBank() TestingSamples.swift:")
                    && text.contains("(syscall:clock_nanosleep)")
            }
        }
    }
}
