// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore

/// Files, lines and inlined functions of one executable, read by a process of its own (``LineService``), so that what is
/// unsound in the executable's debug information ends that one, and is known from then on to be of no use.
///
/// Never waits longer than it is told to: what is not read yet is had when it is asked for again. Belongs to one thread.
final class LineReader {
    /// Addresses whose functions are kept until they are asked for again.
    private static let answersKept = 4_096
    /// Questions that wait for their answer.
    private static let questionsMost = 1_024
    /// Time for an answer after which the process is given up, in nanoseconds: it should have ended before.
    private static let answerNanosecondsMost: Int64 = 30_000_000_000

    private let program: String
    private let file: CInt
    private let image: LoadedImage
    private var process: (identifier: pid_t, socket: Descriptor)?
    private var unread: [UInt8] = []
    private var answers = GenerationCache<UInt64, [RuntimeSymbols.Function]>(capacity: answersKept)
    private var asked: [UInt64: MonotonicInstant] = [:]
    /// Whether nothing more is to be had of this executable.
    private(set) var isGivenUp = false

    /// Creates a reader; the process is started when something is asked for.
    ///
    /// - Parameters:
    ///   - program: path of the program that serves (``LineService``).
    ///   - file: descriptor of the executable, which outlives this.
    ///   - image: where it lies in the process that runs it.
    init(program: String, file: CInt, image: LoadedImage) {
        self.program = program
        self.file = file
        self.image = image
    }

    deinit { end() }

    /// The functions that an address lies in, the innermost inlined one first; none if there is no name, or none is to be had.
    ///
    /// - Parameters:
    ///   - address: the address; in the executable's code.
    ///   - nanoseconds: for how long to wait.
    /// - Returns: `nil` if there was not time enough.
    func functions(at address: UInt64, withinNanoseconds nanoseconds: Int64) -> [RuntimeSymbols.Function]? {
        let deadline = Clock.now().advanced(byNanoseconds: nanoseconds)
        while true {
            read()
            if let known = answers.value(for: address) { return known }
            guard !isGivenUp else { return [] }
            if asked[address] == nil { ask(address) }
            let left = deadline.nanoseconds(since: Clock.now())
            guard left > 0, let socket = process?.socket else { return isGivenUp ? [] : nil }
            var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, CInt(clamping: (left + 999_999) / 1_000_000))
        }
    }

    private func ask(_ address: UInt64) {
        guard asked.count < Self.questionsMost else { return }
        if process == nil { start() }
        guard let socket = process?.socket else { return giveUp() }
        let question = LineRequest.question(address)
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        // A socket that is full, or whose other end is gone, is found out when it is read.
        guard send(socket.number, question, question.count, flags) == question.count else { return }
        asked[address] = Clock.now()
    }

    /// Takes in what was answered.
    private func read() {
        guard let socket = process?.socket else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = retryingInterrupted { recv(socket.number, &buffer, buffer.count, CInt(MSG_DONTWAIT)) }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else {
                take()
                giveUp()
                return
            }
            unread += buffer[..<count]
            take()
            if isGivenUp { return }
        }
        let oldest = asked.values.min()
        if let oldest, Clock.now().nanoseconds(since: oldest) > Self.answerNanosecondsMost { giveUp() }
    }

    private func take() {
        do throws(LineRequest.Unsound) {
            while let answer = try LineRequest.takeAnswer(from: &unread) {
                asked[answer.address] = nil
                answers.insert(answer.functions, for: answer.address)
            }
        } catch {
            giveUp()
        }
    }

    /// Ends the process if it has not come to its end: what it cannot read now it could not read later.
    private func giveUp() {
        end()
        isGivenUp = true
    }

    private func end() {
        guard let (identifier, socket) = process else { return }
        process = nil
        socket.close()
        unread = []
        asked = [:]
        kill(identifier, SIGKILL)
        var status: CInt = 0
        _ = retryingInterrupted { waitpid(identifier, &status, 0) }
    }

    private func start() {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return }
        let own = Descriptor(owning: ends[0])
        let other = Descriptor(owning: ends[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, other.number, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, other.number, STDOUT_FILENO)
        // What the toolchain says about its end is of no use to anybody.
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, file, LineService.fileDescriptor)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads here block signals, which a child would inherit.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = (["loopwatch"] + LineService.arguments(for: image)).map {
            strdup($0)
        }
        words.append(nil)
        // A thread in a child that comes to a bad end would otherwise look for the reason, at length.
        var settings: [UnsafeMutablePointer<CChar>?] = [strdup("SWIFT_BACKTRACE=enable=no")]
        if let folder = getenv("LD_LIBRARY_PATH") {
            settings.append(strdup("LD_LIBRARY_PATH=" + String(cString: folder)))
        }
        settings.append(nil)
        defer { for word in words + settings { free(word) } }
        var identifier: pid_t = 0
        guard posix_spawn(&identifier, program, &actions, &attributes, words, settings) == 0 else { return }
        process = (identifier, own)
    }
}
