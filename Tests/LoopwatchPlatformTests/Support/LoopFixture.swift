// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// The event loop of `CLoopFixture`, in a process of its own that does what it is told.
///
/// Belongs to one thread; the process is killed when the value goes.
final class LoopFixture {
    /// What the loop says that it did.
    struct Done {
        /// When it began.
        var began: MonotonicInstant
        /// For how long it did it, in nanoseconds.
        var nanoseconds: Int64
    }

    private static let spawning = Mutex(())

    /// Number of the process.
    let identifier: pid_t
    private let input: CInt
    private let output: CInt
    private var unread: [UInt8] = []

    /// Starts the program that was built beside the tests, and waits until it is ready.
    init() throws {
        // One at a time: a child of another test must not inherit the pipes before they are marked.
        let spawned = try Self.spawning.withLock { _ in try Self.spawn() }
        (identifier, input, output) = spawned
        guard try line() == "ready" else { throw NeverHappened(description: "the fixture was not ready") }
    }

    deinit {
        close(input)
        close(output)
        kill(identifier, SIGKILL)
        var status: CInt = 0
        waitpid(identifier, &status, 0)
    }

    /// Tells the loop what to do.
    func tell(_ command: String) {
        let line = Array("\(command)\n".utf8)
        _ = write(input, line, line.count)
    }

    /// Waits until the loop says that it did it.
    func done() throws -> Done {
        let words = try line().split(separator: " ")
        guard words.count == 3, words[0] == "done", let began = Int64(words[1]), let length = Int64(words[2]) else {
            throw NeverHappened(description: "an answer of the fixture; instead: \(words)")
        }
        return Done(began: MonotonicInstant(nanoseconds: began), nanoseconds: length)
    }

    private func line() throws -> String {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while true {
            if let end = unread.firstIndex(of: 10) {
                defer { unread.removeFirst(end + 1) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            let left = deadline.nanoseconds(since: Clock.now()) / 1_000_000
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&entry, 1, CInt(clamping: left)) > 0 else {
                throw NeverHappened(description: "never came: an answer of the fixture")
            }
            var buffer = [UInt8](repeating: 0, count: 1_024)
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { throw NeverHappened(description: "the fixture has ended") }
            unread += buffer[..<count]
        }
    }

    private static func spawn() throws -> (pid_t, CInt, CInt) {
        let program = try folder() + "/CLoopFixture"
        let input = try markedPipe()
        let output = try markedPipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        // Threads of the tests block signals, and the child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
        defer { free(words[0]) }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, program, &actions, &attributes, &words, nil)
        close(input[0])
        close(output[1])
        guard code == 0 else {
            close(input[1])
            close(output[0])
            throw SystemError(operation: "posix_spawn \(program)", code: code)
        }
        return (identifier, input[1], output[0])
    }

    private static func markedPipe() throws -> [CInt] {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(operation: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    /// The folder of the tests' executable, where the build puts the fixture as well.
    static func folder() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw SystemError(operation: "readlink /proc/self/exe") }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }
}
