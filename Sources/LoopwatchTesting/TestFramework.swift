// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Testing
internal import XCTest

/// Tells the framework that runs the current test.
///
/// A test bundle holds tests of both, and each ignores what it is told while the other runs: one run of the bundle is for XCTest,
/// another, with `--testing-library swift-testing`, for Swift Testing.
enum TestFramework {
    /// Records a failure or a warning.
    static func record(_ problem: Problem, at place: SourcePlace) {
        if Test.current != nil || isSwiftTesting {
            Issue.record(
                Comment(rawValue: problem.text),
                severity: problem.isFailure ? .error : .warning,
                sourceLocation: SourceLocation(
                    fileID: place.fileID.description,
                    filePath: place.filePath.description,
                    line: Int(place.line),
                    column: Int(place.column)
                )
            )
        } else if problem.isFailure, isBundle {
            XCTFail(problem.text, file: place.filePath, line: place.line)
        } else {
            // XCTest knows no warnings, and outside of a test bundle there is nobody to tell.
            write("\(place.text): \(problem.isFailure ? "error" : "warning"): \(problem.text)")
        }
    }

    /// Writes a line to standard error.
    static func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static let isSwiftTesting = CommandLine.arguments.contains("swift-testing")
    private static let isBundle = CommandLine.arguments.first?.hasSuffix(".xctest") == true
}
