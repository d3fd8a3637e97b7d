// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// The built `loopwatch` in a terminal, as a user has it before them.
///
/// Belongs to one thread; the process is killed when the value goes.
struct PseudoTerminal: ~Copyable {
    /// The number of the process.
    let identifier: pid_t
    private let master: CInt
    private var hasEnded = false
    private var bytes: [UInt8] = []
    /// What the program has written so far.
    var output: String { String(decoding: bytes, as: UTF8.self) }

    /// Starts the program in a terminal of a size.
    init(_ arguments: [String], environment: [String: String] = ["TERM": "xterm"], columns: UInt16, rows: UInt16) throws
    {
        // The module does not import posix_openpt() and its kin, so their parts are named as pty(7) and ioctl_tty(2) have
        // them: TIOCSPTLCK unlocks, TIOCGPTN tells the number.
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: CInt = 0
        guard master >= 0, ioctl(master, 0x4004_5431, &number) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw SystemError(operation: "open a terminal")
        }
        let name = "/dev/pts/\(number)"
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a session opens is the session's.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        // POSIX_SPAWN_SETSID, which the module imports in some versions only.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)
        let program = try ChildProcess.folder() + "/loopwatch"
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var child: pid_t = 0
        let code = ChildProcess.spawning.withLock { _ in
            posix_spawn(&child, program, &actions, &attributes, &words, &variables)
        }
        guard code == 0 else { throw SystemError(operation: "posix_spawn", code: code) }
        identifier = child
    }

    deinit {
        close(master)
        guard !hasEnded else { return }
        kill(identifier, SIGKILL)
        var status: CInt = 0
        waitpid(identifier, &status, 0)
    }

    /// The latest picture that is complete, as its lines without colours; `nil` before the first.
    ///
    /// One begins at the upper left corner, and is complete once what is below it has been cleared: a terminal hands on
    /// what was written at once in pieces.
    private var picture: [String]? {
        let start = Array("\u{1B}[H".utf8)
        let end = Array("\u{1B}[J".utf8)
        func last(_ mark: [UInt8], before limit: Int) -> Int? {
            (0..<max(0, limit - mark.count + 1)).last { bytes[$0...].starts(with: mark) }
        }
        guard let below = last(end, before: bytes.count), let home = last(start, before: below) else { return nil }
        let text = String(decoding: bytes[(home + start.count)..<below], as: UTF8.self)
        return text.replacing(/\u{1B}\[[?0-9;]*[a-zA-Z]/, with: "").split(
            separator: "\r\n",
            omittingEmptySubsequences: false
        ).map(String.init)
    }

    /// Whether lines are edited and shown as they are typed, as a shell's terminal has it.
    var isAsBefore: Bool {
        var state = termios()
        tcgetattr(master, &state)
        return state.c_lflag & tcflag_t(ICANON) != 0 && state.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Presses keys.
    func type(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// Makes the terminal another size.
    func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Reads until the latest picture fulfils a condition; returns it.
    mutating func picture(_ what: String, where matches: ([String]) -> Bool) throws -> [String] {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        while true {
            if let picture, matches(picture) { return picture }
            guard try receive(until: deadline) else {
                throw NeverHappened(
                    description: "never came: \(what); instead:\n\(output.suffix(2_000).debugDescription)"
                )
            }
        }
    }

    /// Reads what is still to come, and waits for the end; the exit status, or 128 and the number of a signal.
    mutating func end() throws -> CInt {
        let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
        var status: CInt = 0
        while waitpid(identifier, &status, WNOHANG) == 0 {
            _ = try receive(until: min(deadline, Clock.now().advanced(byNanoseconds: 10_000_000)))
            guard Clock.now() < deadline else { throw NeverHappened(description: "the process did not end") }
        }
        hasEnded = true
        while try receive(until: Clock.now()) {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    private mutating func receive(until deadline: MonotonicInstant) throws -> Bool {
        let left = max(0, deadline.nanoseconds(since: Clock.now()) / 1_000_000)
        var entry = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(clamping: left)) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(master, &buffer, buffer.count)
        // EIO: nobody has the other end open any more.
        guard count > 0 else { return false }
        bytes += buffer[..<count]
        return true
    }
}
