// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Accounting
import Glibc
import Testing

/// A program that is run to its end.
struct ChildProcess: Sendable {
    /// What it wrote to either of its outputs.
    var output: String
    /// Its wait status.
    var status: Int32

    var lines: [Substring] { output.split(separator: "\n") }

    /// What stands behind a name at the beginning of a line.
    func value(_ name: String) throws -> Substring {
        let line = try #require(lines.first { $0.hasPrefix(name + ": ") }, "no line \(name): \(output.suffix(2000))")
        return line.dropFirst(name.utf8.count + 2)
    }

    /// The numbers of such a line.
    func numbers(_ name: String) throws -> [Int] {
        try value(name).split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
    }

    /// Runs one of the programs that are built beside the tests, with Loopwatch as its arguments say.
    static func host(_ name: String, _ arguments: [String], seconds: Int = 240) async throws -> ChildProcess {
        let path = try folder() + "/" + name
        return try await run([path] + arguments, seconds: seconds)
    }

    /// Runs a program; one that takes too long is ended.
    static func run(_ arguments: [String], seconds: Int) async throws -> ChildProcess {
        let child = await HarnessThread.run { Result { try runHere(arguments, seconds: seconds) } }
        return try child.get()
    }

    /// Where the programs are.
    static func folder() throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
        }
        try #require(count > 0)
        return "/"
            + String(decoding: buffer[..<count], as: UTF8.self).split(separator: "/").dropLast().joined(separator: "/")
    }

    struct NotStarted: Error {
        let program: String
        let code: Int32
    }

    private static func runHere(_ arguments: [String], seconds: Int) throws -> ChildProcess {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw NotStarted(program: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        let texts: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, arguments[0], &actions, nil, texts, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard code == 0 else { throw NotStarted(program: arguments[0], code: code) }
        let end = ContinuousClock.now + .seconds(seconds)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var wanted = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            let left = max(0, (end - ContinuousClock.now) / .milliseconds(1))
            guard poll(&wanted, 1, Int32(left)) > 0 else {
                kill(process, SIGKILL)
                bytes += Array("\nENDED after \(seconds) s\n".utf8)
                break
            }
            let count = read(ends[0], &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return ChildProcess(output: String(decoding: bytes, as: UTF8.self), status: status)
    }
}
