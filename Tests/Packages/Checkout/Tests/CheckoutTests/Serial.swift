// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every test that blocks something, one after another.
@Suite(.serialized)
enum Serial {}

/// Lines of the code that blocks and of the calls that fail, looked up by their comments.
struct Lines {
    let askBank = line(of: "// askBank", in: "../../Sources/Checkout/Checkout.swift")
    let waitFor = line(of: "// waitFor", in: "../../Sources/Checkout/Checkout.swift")
    let swiftTesting = line(of: "// The next line is swiftTesting.", in: "Failing.swift") + 1
    let hanging = line(of: "// The next line is hanging.", in: "Failing.swift") + 1
    let xctest = line(of: "// The next line is xctest.", in: "Failing.swift") + 1

    private static func line(of text: String, in file: String) -> Int {
        let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: file)
        let lines = (try? String(contentsOf: url, encoding: .utf8))?.split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        return (lines?.firstIndex { $0.contains(text) } ?? -1) + 1
    }
}
