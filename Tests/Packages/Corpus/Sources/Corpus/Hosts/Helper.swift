// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Another process that acts on this one: a shell script, begun when it is told to.
final class Helper {
    private let process = Process()
    private let input = Pipe()

    /// Starts the shell; the script is to begin with `read line`.
    ///
    /// - Throws: when there is no shell.
    init(_ script: String) throws {
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardInput = input
        try process.run()
    }

    /// Lets it go on.
    func go() { try? input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8)) }

    /// Waits for its end.
    func wait() { process.waitUntilExit() }

    /// Whether it has ended well.
    var hasSucceeded: Bool { !process.isRunning && process.terminationStatus == 0 }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }
}
