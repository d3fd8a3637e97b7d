// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// What did not happen in time, or at all.
struct NeverHappened: Error, CustomStringConvertible {
    /// What was waited for.
    let description: String
}

/// The built `loopwatch`, run as a user runs it.
///
/// Belongs to one thread; the process is killed when the value goes.
struct ChildProcess: ~Copyable {
    /// Held while a program is started: no other may inherit what is not marked yet.
    static let spawning = Mutex(())

    /// The number of the process.
    let identifier: pid_t
    private var input: CInt
    private let output: CInt
    private let error: CInt
    private var unfinished: [UInt8] = []
    private var hasEnded = false
    /// What has come from standard output so far.
    private(set) var lines: [String] = []

    /// Starts a program that was built beside the tests, or one of the system by its path.
    ///
    /// - Throws: ``SystemError`` when that fails.
    init(_ arguments: [String], environment: [String: String] = [:], program name: String = "loopwatch") throws {
        let program = name.hasPrefix("/") ? name : try Self.folder() + "/" + name
        // One at a time: a child of another test must not inherit the pipes before they are marked.
        let spawned = try Self.spawning.withLock { _ in try Self.spawn(program, arguments, environment) }
        identifier = spawned.identifier
        input = spawned.input
        output = spawned.output
        error = spawned.error
    }

    /// What a sanitizer that the child was built with is told: it is no part of the child's environment that a test is about.
    private static let sanitizerOptions: [String: String] = {
        var options: [String: String] = [:]
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] { options[name] = getenv(name).map { String(cString: $0) } }
        // Where a sanitizer looks for the program that tells it the names by which faults are suppressed.
        if !options.isEmpty { options["PATH"] = getenv("PATH").map { String(cString: $0) } }
        return options
    }()

    private static func spawn(
        _ program: String,
        _ arguments: [String],
        _ environment: [String: String]
    ) throws -> (identifier: pid_t, input: CInt, output: CInt, error: CInt) {
        let inputPipe = try markedPipe()
        let outputPipe = try markedPipe()
        let errorPipe = try markedPipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputPipe[0], 0)
        posix_spawn_file_actions_adddup2(&actions, outputPipe[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errorPipe[1], 2)
        // Threads of the tests block signals, and the child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        let all = environment.merging(sanitizerOptions) { given, _ in given }
        var variables: [UnsafeMutablePointer<CChar>?] = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, program, &actions, &attributes, &words, &variables)
        close(inputPipe[0])
        close(outputPipe[1])
        close(errorPipe[1])
        guard code == 0 else {
            close(inputPipe[1])
            close(outputPipe[0])
            close(errorPipe[0])
            throw SystemError(operation: "posix_spawn \(program)", code: code)
        }
        return (identifier, inputPipe[1], outputPipe[0], errorPipe[0])
    }

    private static func markedPipe() throws -> [CInt] {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(operation: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    deinit {
        if input >= 0 { close(input) }
        close(output)
        close(error)
        guard !hasEnded else { return }
        kill(identifier, SIGKILL)
        var status: CInt = 0
        waitpid(identifier, &status, 0)
    }

    /// Reads lines until one fulfils the condition; returns it.
    ///
    /// - Throws: ``NeverHappened``, with what came instead.
    mutating func line(_ what: String, within seconds: Int64 = 60, where matches: (String) -> Bool) throws -> String {
        let deadline = Clock.now().advanced(byNanoseconds: seconds * 1_000_000_000)
        while let line = try nextLine(what, until: deadline) {
            if matches(line) { return line }
        }
        throw NeverHappened(description: "never came: \(what); instead:\n\(lines.joined(separator: "\n"))")
    }

    /// Writes a line to standard input.
    func tell(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = write(input, line, line.count)
    }

    /// Ends standard input.
    mutating func endInput() {
        close(input)
        input = -1
    }

    /// Sends a signal.
    func signal(_ number: CInt) { kill(identifier, number) }

    /// Reads what is still to come, and waits for the end.
    ///
    /// - Returns: the exit status, and 128 and the signal's number for a process that a signal ended.
    /// - Throws: ``NeverHappened`` when it goes on and on.
    mutating func end(within seconds: Int64 = 60) throws -> CInt {
        let deadline = Clock.now().advanced(byNanoseconds: seconds * 1_000_000_000)
        while try nextLine("the end", until: deadline) != nil {}
        var status: CInt = 0
        while waitpid(identifier, &status, WNOHANG) == 0 {
            guard Clock.now() < deadline else { throw NeverHappened(description: "the process did not end") }
            poll(nil, 0, 5)
        }
        hasEnded = true
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// Stops reading standard output, as `head` does; from now on lines are those of standard error.
    mutating func closeOutput() {
        dup2(error, output)
        unfinished = []
    }

    /// What has come on standard error, once the process has ended.
    func errors() -> String {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(error, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    /// The next line; `nil` at the end of the output.
    private mutating func nextLine(_ what: String, until deadline: MonotonicInstant) throws -> String? {
        while true {
            if let end = unfinished.firstIndex(of: 10) {
                let line = String(decoding: unfinished[..<end], as: UTF8.self)
                unfinished.removeFirst(end + 1)
                lines.append(line)
                return line
            }
            let left = deadline.nanoseconds(since: Clock.now()) / 1_000_000
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&entry, 1, CInt(clamping: left)) > 0 else {
                throw NeverHappened(
                    description: "did not come in time: \(what); instead:\n\(lines.joined(separator: "\n"))"
                )
            }
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { return nil }
            unfinished += buffer[..<count]
        }
    }

    /// The folder of the tests' executable, where the build puts the program as well.
    static func folder() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw SystemError(operation: "readlink /proc/self/exe") }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }
}
