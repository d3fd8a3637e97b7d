// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform

/// A configuration file on disk.
enum ConfigurationFile {
    /// Largest file, in bytes.
    static let bytesMost = 1 << 20

    /// Reads a configuration; tells of everything that is wrong with it, a line each.
    ///
    /// - Throws: ``CommandError`` where the file cannot be read, or is not a configuration.
    static func read(_ path: String, tell: (String) -> Void) throws(CommandError) -> DaemonConfiguration {
        let text = try text(of: path)
        switch DaemonConfigurationReader.read(text, file: path) {
        case .success(let configuration): return configuration
        case .failure(let problems):
            for problem in problems.all { tell("\(problem)") }
            let count = problems.all.count
            throw CommandError(
                message: "\(path): \(count) \(count == 1 ? "error" : "errors"); expected a configuration without any.",
                exitCode: .configuration
            )
        }
    }

    private static func text(of path: String) throws(CommandError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .unavailable("\(path) cannot be read: \(SystemError(operation: "open", code: errno)).")
        }
        close(descriptor)
        // One byte more than is allowed tells that there is too much.
        let bytes = WholeFile.bytes(at: path, atMost: bytesMost + 1)
        guard bytes.count <= bytesMost else {
            throw CommandError(
                message: "\(path): the file is too long; expected at most \(bytesMost) bytes.",
                exitCode: .configuration
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError(message: "\(path): the file is no UTF-8; expected JSON5.", exitCode: .configuration)
        }
        return text
    }
}
