// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform

/// A folder for a test's files; it is removed with all of them when the value goes.
final class TemporaryFolder: Sendable {
    /// The folder.
    let path: String

    /// Creates a folder that nobody else has.
    init() throws {
        var template = Array("/tmp/loopwatch-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(operation: "mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }

    /// The path of a file in it.
    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file.
    func write(_ name: String, _ text: String) throws {
        guard let file = fopen(path(name), "w") else { throw SystemError(operation: "open \(name)") }
        fputs(text, file)
        fclose(file)
    }

    /// What a file has; empty if it is not there.
    func read(_ name: String) -> String {
        String(decoding: WholeFile.bytes(at: path(name), atMost: 1 << 20), as: UTF8.self)
    }
}
