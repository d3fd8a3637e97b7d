// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What users see of a test that fails, in the output of a process that runs it.
extension Serial {
    @Suite("The output of a failed test")
    struct OutputTests {
        private let lines = Lines()
        private var sentence: String {
            #"pool thread blocked for \d{3,}ms at Checkout.askBank\(microseconds:\) Checkout.swift:\#(lines.askBank) < Checkout.pay\(microseconds:\).*\(syscall:clock_nanosleep\)(?! \[)"#
        }

        @Test("of Swift Testing names function, line, duration and cause, and points at the call")
        func swiftTesting() throws {
            let (output, code) = try run(
                "swift-testing",
                ["--testing-library", "swift-testing", "--filter", "FailingTests"]
            )
            #expect(code != 0)
            #expect(
                output.contains(try Regex("recorded an issue at Failing.swift:\(lines.swiftTesting):\\d+")),
                "\(output)"
            )
            #expect(output.contains(try Regex(sentence)), "\(output)")
        }

        @Test("of XCTest does so too")
        func xctest() throws {
            let (output, code) = try run("xctest", ["CheckoutTests.FailingXCTests"])
            #expect(code != 0)
            #expect(
                output.contains(
                    try Regex(
                        "Failing.swift:\(lines.xctest): error: FailingXCTests.testCheckoutBlocksNobody : failed - "
                            + sentence
                    )
                ),
                "\(output)"
            )
            #expect(
                output.contains(
                    try Regex(
                        "testPaysSynchronously : failed - the body's thread blocked for \\d{3,}ms at Checkout.askBank"
                    )
                ),
                "\(output)"
            )
            #expect(output.contains("Test Case 'FailingXCTests.testOrderIsHealthy' passed"), "\(output)")
        }

        @Test("of a test that hangs says why, while it does")
        func hanging() throws {
            let (output, _) = try run(
                "hanging",
                ["--testing-library", "swift-testing", "--filter", "HangingTests"],
                until: "Checkout.waitFor"
            )
            #expect(
                output.contains(
                    try Regex(
                        #"Failing.swift:\#(lines.hanging): expectNoStall: pool thread has been blocked for \d+ms, and still is, at Checkout.waitFor\(_:\) Checkout.swift:\#(lines.waitFor).*\(lock\)"#
                    )
                ),
                "\(output)"
            )
        }

        /// Runs this test bundle again, until it ends or has written some words; returns its output and exit code.
        private func run(_ chosen: String, _ arguments: [String], until words: String? = nil) throws -> (String, Int32)
        {
            let process = Process()
            let pipe = Pipe()
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(["CHECKOUT_FAILING": chosen]) { $1 }
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            // However it goes wrong, it ends.
            let limit = Task.detached {
                try await Task.sleep(for: .seconds(60))
                process.terminate()
            }
            defer { limit.cancel() }
            var output = ""
            while case let data = pipe.fileHandleForReading.availableData, !data.isEmpty {
                output += String(decoding: data, as: UTF8.self)
                if let words, output.contains(words) { process.terminate() }
            }
            process.waitUntilExit()
            return (output, process.terminationStatus)
        }
    }
}
