// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform

/// A log that is read from a file or from standard input, uncompressed by gzip(1) where it is compressed.
enum LogSource {
    /// Why a log is not read, or not to its end.
    enum Problem: Error, Equatable {
        /// It cannot be read.
        case unreadable(String)
        /// gzip(1) is not there.
        case withoutGzip
        /// It was read as far as it goes; why not further.
        case damaged(String)
    }

    /// Bytes that are read at a time.
    private static let pieceBytes = 65_536

    /// Reads a log; calls back with each piece.
    ///
    /// - Parameter path: its path; `-` for standard input.
    static func read(_ path: String, _ piece: (ArraySlice<UInt8>) -> Void) throws(Problem) {
        var descriptor: CInt = 0
        if path != "-" {
            descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
            guard descriptor >= 0 else { throw .unreadable("\(SystemError(operation: "open"))") }
        }
        defer { if path != "-" { close(descriptor) } }
        var magic: [UInt8] = [0, 0]
        // Of a pipe nothing can be read twice: only files are looked at.
        let isCompressed = pread(descriptor, &magic, 2, 0) == 2 && magic == [0x1F, 0x8B]
        guard isCompressed else { return try readAll(descriptor, piece) }
        let (child, output) = try startGzip(reading: descriptor)
        defer { close(output) }
        var failure: Problem?
        do throws(Problem) { try readAll(output, piece) } catch { failure = error }
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        if let failure { throw failure }
        let code = (status >> 8) & 0xFF
        // gzip(1): 2 is a warning, such as bytes after the end.
        guard status & 0x7F == 0, code == 0 || code == 2 else {
            throw code == 127 ? .withoutGzip : .damaged("it is damaged or cut off, and was read as far as it goes")
        }
    }

    private static func readAll(_ descriptor: CInt, _ piece: (ArraySlice<UInt8>) -> Void) throws(Problem) {
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = retryingInterrupted {
                buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            }
            guard count >= 0 else { throw .unreadable("\(SystemError(operation: "read"))") }
            guard count > 0 else { return }
            piece(buffer[..<count])
        }
    }

    /// Starts gzip(1) on a file that is open; returns its number, and where what it writes can be read.
    private static func startGzip(reading descriptor: CInt) throws(Problem) -> (child: pid_t, output: CInt) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .unreadable("\(SystemError(operation: "pipe"))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // It reads from where the descriptor stands.
        lseek(descriptor, 0, SEEK_SET)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, descriptor, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        // What it says of damage is said here, with the file's name.
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let arguments = ["gzip", "-dc"]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, "gzip", &actions, nil, &words, environ)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw code == ENOENT ? .withoutGzip : .unreadable("\(SystemError(operation: "start gzip", code: code))")
        }
        return (child, ends[0])
    }
}
