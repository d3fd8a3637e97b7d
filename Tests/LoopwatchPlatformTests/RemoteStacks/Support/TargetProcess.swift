// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// A program that a test starts and looks at from outside; ended when the value goes.
final class TargetProcess {
    private static let spawning = Mutex(())

    /// Its number.
    let identifier: pid_t
    private let output: CInt

    /// Starts a program, and waits until it has written a line that begins with a word.
    ///
    /// - Throws: ``NeverHappened`` if it does not.
    init(_ words: [String], untilLine word: String) throws {
        (identifier, output) = try Self.spawning.withLock { _ in try Self.spawn(words) }
        var text: [UInt8] = []
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while !String(decoding: text, as: UTF8.self).split(separator: "\n").contains(where: { $0.hasPrefix(word) }) {
            let left = deadline.nanoseconds(since: Clock.now()) / 1_000_000
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            var piece = [UInt8](repeating: 0, count: 4_096)
            guard left > 0, poll(&entry, 1, CInt(clamping: left)) > 0, case let count = read(output, &piece, 4_096),
                count > 0
            else {
                throw NeverHappened(
                    description: "\(words[0]) did not write \(word): \(String(decoding: text, as: UTF8.self))"
                )
            }
            text += piece.prefix(count)
        }
    }

    private static func spawn(_ words: [String]) throws -> (pid_t, CInt) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw NeverHappened(description: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        // A group of its own, so that what it starts itself is ended with it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in arguments { free(pointer) } }
        var identifier: pid_t = 0
        let code = posix_spawnp(&identifier, words[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else {
            close(ends[0])
            throw NeverHappened(description: "posix_spawnp \(words[0]): \(code)")
        }
        return (identifier, ends[0])
    }

    deinit {
        kill(-identifier, SIGKILL)
        var status: CInt = 0
        waitpid(identifier, &status, 0)
        close(output)
    }

    /// What a program writes when it is run with arguments; `nil` if it cannot be started or fails.
    static func output(of words: [String]) -> String? {
        guard let (identifier, descriptor) = try? spawning.withLock({ _ in try spawn(words) }) else { return nil }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(descriptor, &piece, piece.count), count > 0 { text += piece.prefix(count) }
        close(descriptor)
        var status: CInt = 0
        waitpid(identifier, &status, 0)
        return status == 0 ? String(decoding: text, as: UTF8.self) : nil
    }
}

extension RemoteStackReader {
    /// The stack of a thread, once it is as expected; the last that was read, or why there was none, in the error.
    mutating func stack(
        of thread: Int32,
        allowsStop: Bool = true,
        _ what: String,
        until condition: (Stack) -> Bool
    ) throws -> Stack {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while true {
            let result = stack(of: thread, allowsStop: allowsStop)
            if case .success(let stack) = result, condition(stack) { return stack }
            guard Clock.now() < deadline else {
                switch result {
                case .success(let stack):
                    let frames = stack.frames.map { "\($0.function) \($0.file ?? $0.module):\($0.line ?? 0)" }
                    throw NeverHappened(description: "\(what): \(frames.joined(separator: " < "))")
                case .failure(let omission): throw NeverHappened(description: "\(what): \(omission.text)")
                }
            }
            poll(nil, 0, 10)
        }
    }
}
