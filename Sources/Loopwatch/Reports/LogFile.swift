// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform

/// A log file that is appended to, and opened again when it was renamed or removed.
///
/// Used by one thread.
struct LogFile: ~Copyable {
    private let path: String
    private var descriptor: CInt = -1
    private var device: dev_t = 0
    private var inode: ino_t = 0
    /// Whether the file ends with a piece of a line, for the rest of which there was no room.
    private var endsInPiece = false

    init(path: String) {
        self.path = path
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Opens the file, unless the one that is open is still the one at the path.
    ///
    /// - Throws: ``SystemError`` that names the path; what was open before stays open.
    mutating func open() throws(SystemError) {
        var status = stat()
        if descriptor >= 0, stat(path, &status) == 0, status.st_dev == device, status.st_ino == inode { return }
        let opened = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
        guard opened >= 0 else { throw SystemError(operation: "open \(path)") }
        guard fstat(opened, &status) == 0 else {
            let error = SystemError(operation: "fstat \(path)")
            close(opened)
            throw error
        }
        if descriptor >= 0 { close(descriptor) }
        descriptor = opened
        device = status.st_dev
        inode = status.st_ino
        endsInPiece = false
    }

    /// Writes one line by one write(2).
    ///
    /// A piece of the line before, which was counted as lost, is ended first: cutting it off could cut off what another
    /// process has written meanwhile.
    mutating func write(_ line: [UInt8]) throws(SystemError) {
        try open()
        let whole = endsInPiece ? [UInt8(ascii: "\n")] + line : line
        let written = try LineOutput.writeOnce(whole, to: descriptor, name: path)
        let lineWritten = written - (whole.count - line.count)
        if written > 0 { endsInPiece = lineWritten > 0 && lineWritten < line.count }
        guard written == whole.count else { throw SystemError(operation: "write \(path)", code: ENOSPC) }
    }
}

/// Writing lines to a descriptor that may be full, slow or gone.
enum LineOutput {
    /// Longest line about Loopwatch itself, in bytes: names in it come from the host.
    private static let noteBytes = 1_024

    /// A line about Loopwatch itself; nothing in the text can begin a second one.
    static func note(_ text: String) -> [UInt8] {
        var line: [UInt8] = Array("loopwatch: ".utf8)
        for scalar in text.unicodeScalars {
            guard line.count < noteBytes else {
                line += Array("...".utf8)
                break
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: line.append(UInt8(ascii: "?"))
            default: line += Array(scalar.utf8)
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Writes a line to standard error from a thread of the host's: without waiting, and without the SIGPIPE that a closed
    /// standard error would send it.
    static func writeToStandardError(_ line: [UInt8]) {
        var pipe = sigset_t()
        var previous = sigset_t()
        var pending = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        sigpending(&pending)
        let wasPending = sigismember(&pending, SIGPIPE) == 1
        pthread_sigmask(SIG_BLOCK, &pipe, &previous)
        do throws(SystemError) {
            try write(line, to: STDERR_FILENO, name: Outputs.standardErrorName, patienceMilliseconds: 0)
        } catch {
            var now = timespec()
            if error.code == EPIPE, !wasPending { sigtimedwait(&pipe, nil, &now) }
        }
        pthread_sigmask(SIG_SETMASK, &previous, nil)
    }

    /// How long a line waits for a reader, in milliseconds.
    static let patienceMilliseconds: CInt = 1_000

    /// Writes one line by one write(2), which the kernel does not interleave with others' (O_APPEND, or a pipe and at most
    /// PIPE_BUF bytes).
    ///
    /// - Throws: ``SystemError`` when nobody reads (EPIPE), the disk is full (ENOSPC), or nobody read for a second
    ///   (EAGAIN). The thread blocks SIGPIPE, so that a closed pipe is an error and not the end of the host.
    static func write(
        _ line: [UInt8],
        to descriptor: CInt,
        name: String,
        patienceMilliseconds: CInt = patienceMilliseconds
    ) throws(SystemError) {
        let written = try writeOnce(line, to: descriptor, name: name, patienceMilliseconds: patienceMilliseconds)
        guard written == line.count else { throw SystemError(operation: "write \(name)", code: ENOSPC) }
    }

    /// The same, for a disk that has room for a piece of the line; returns how many bytes were written.
    static func writeOnce(
        _ line: [UInt8],
        to descriptor: CInt,
        name: String,
        patienceMilliseconds: CInt = patienceMilliseconds
    ) throws(SystemError) -> Int {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = retryingInterrupted { poll(&entry, 1, patienceMilliseconds) }
        guard ready > 0 else { throw SystemError(operation: "write \(name)", code: EAGAIN) }
        let written = retryingInterrupted { Glibc.write(descriptor, line, line.count) }
        guard written >= 0 else { throw SystemError(operation: "write \(name)") }
        return written
    }
}
