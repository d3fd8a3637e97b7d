// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where a failure points.
struct SourcePlace: Sendable {
    var fileID: StaticString
    var filePath: StaticString
    var line: UInt
    var column: UInt

    /// File and line, as compilers write them.
    var text: String { "\(filePath):\(line)" }
}
