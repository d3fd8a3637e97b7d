// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform

/// What the kernel says of this process.
enum ProcessView {
    /// Names of the process's threads.
    static var threadNames: [String] {
        entries(of: "/proc/self/task").compactMap { thread in
            ProcFile(path: "/proc/self/task/\(thread)/comm").map { file in
                String(decoding: file.bytes(atMost: 32).prefix { $0 != 10 }, as: UTF8.self)
            }
        }
    }

    /// Names of Loopwatch's own threads.
    static var ownThreadNames: [String] { threadNames.filter { $0.hasPrefix("lw-") } }

    /// What the process's descriptors refer to, without the one that this is found out by.
    static var descriptors: [String] {
        entries(of: "/proc/self/fd").compactMap { number in
            var buffer = [CChar](repeating: 0, count: 512)
            let count = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
            guard count > 0 else { return nil }
            let target = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return target.hasSuffix("/fd") ? nil : target
        }
    }

    /// What the descriptors refer to that are open besides the given ones.
    static func descriptors(besides known: [String]) -> [String] {
        var known = known
        return descriptors.filter { descriptor in
            guard let index = known.firstIndex(of: descriptor) else { return true }
            known.remove(at: index)
            return false
        }
    }

    /// Names in a folder.
    static func entries(of path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// Files for the time of a test.
enum TestFiles {
    /// Runs a body with the path of a new folder that is removed afterwards.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        var template = Array("/tmp/loopwatch-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(operation: "mkdtemp") }
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ProcessView.entries(of: path) { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        return try body(path)
    }

    /// The text of a file; empty if there is none.
    static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &bytes, bytes.count), count > 0 { text += bytes[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    /// The lines of a file.
    static func lines(_ path: String) -> [Substring] { text(path).split(separator: "\n") }
}

/// Sends this process's standard error to a file, for child processes.
func redirectStandardError(to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0, dup2(descriptor, 2) == 2 else { throw SystemError(operation: "redirect \(path)") }
    close(descriptor)
}
