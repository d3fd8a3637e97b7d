// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The executable of another process, if its files and lines may be read.
///
/// Only files are read that belong to root or to this process's user, and only code that the toolchain's own compiler wrote
/// is looked up: its symboliser takes what it reads for sound. It maps the file: that of an executable, which the kernel lets
/// nobody write to while it runs, so that the mapping cannot end early.
///
/// Belongs to one thread.
final class SourceLines {
    private let descriptor: CInt
    private let program: String
    /// A path of the file, for as long as this exists.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// Opens the executable of a process; `nil` if it cannot be opened, is too large, or may be made to mislead.
    ///
    /// - Parameters:
    ///   - process: the process.
    ///   - program: path of the program that reads it (``LineService``).
    convenience init?(process: Int32, program: String) {
        // What belongs to root in a container need not be trusted outside.
        guard let namespace = ProcessLink.target(of: "/proc/self/ns/mnt"),
            ProcessLink.target(of: "/proc/\(process)/ns/mnt") == namespace
        else { return nil }
        self.init(openPath: "/proc/\(process)/exe", program: program)
    }

    /// The same by its path.
    init?(openPath: String, program: String) {
        let descriptor = open(openPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            Int64(status.st_size) <= RemoteStackLimits.linedFileBytes,
            Self.isTrusted(owner: status.st_uid, mode: status.st_mode, user: geteuid())
        else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.program = program
    }

    deinit { close(descriptor) }

    /// Whether nobody but root and this process's user has written a file.
    static func isTrusted(owner: UInt32, mode: UInt32, user: UInt32) -> Bool {
        // Groups of one's own files are often one's own.
        (owner == 0 && mode & 0o022 == 0) || (owner == user && user != 0 && mode & 0o002 == 0)
    }

    /// What looks up addresses of a process that runs this build; processes load it at different addresses.
    func reader(for image: RemoteImage) -> LineReader {
        LineReader(program: program, file: descriptor, image: image.loaded)
    }
}
