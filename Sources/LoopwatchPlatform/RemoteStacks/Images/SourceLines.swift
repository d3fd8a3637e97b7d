// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Files, lines and inlined functions of one build of another process's executable.
///
/// The toolchain's symboliser reads them, which takes what it reads for sound, and ends the process where it is not (of 150
/// executables with damaged debug information 20 did that): so only files are read that belong to root or to this process's
/// user, and only code that the same compiler wrote is looked up. It maps the file: that of an
/// executable, which the kernel lets nobody write to while it runs, so that the mapping cannot end early. What it read is kept
/// for the thread under the file's path until the thread ends, so each build has a path of its own, which is never that of
/// another.
///
/// Belongs to one thread.
final class SourceLines {
    /// Numbers of builds that were opened by this process.
    private static let numbers = Atomic<UInt32>(0)

    private let descriptor: CInt
    /// The path under which the file is opened.
    let path: String

    /// Opens the executable of a process; `nil` if it cannot be opened, is too large, or may be made to mislead.
    convenience init?(process: Int32) {
        // What belongs to root in a container need not be trusted outside.
        guard let namespace = ProcessLink.target(of: "/proc/self/ns/mnt"),
            ProcessLink.target(of: "/proc/\(process)/ns/mnt") == namespace
        else { return nil }
        self.init(openPath: "/proc/\(process)/exe")
    }

    /// The same by its path.
    init?(openPath: String) {
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
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).oldValue
        path = Self.path(number: number, descriptor: descriptor)
    }

    deinit { close(descriptor) }

    /// Whether nobody but root and this process's user has written a file.
    static func isTrusted(owner: UInt32, mode: UInt32, user: UInt32) -> Bool {
        // Groups of one's own files are often one's own.
        (owner == 0 && mode & 0o022 == 0) || (owner == user && user != 0 && mode & 0o002 == 0)
    }

    /// A path of a descriptor that no other number has: its bits are written in ways of saying "this folder".
    static func path(number: UInt32, descriptor: CInt) -> String {
        var path = "/proc/self"
        var rest = number
        while rest > 0 {
            path += rest & 1 == 0 ? "/." : "//."
            rest >>= 1
        }
        return path + "/fd/\(descriptor)"
    }

    /// What looks up addresses of a process that runs this build.
    func symbols(for image: RemoteImage) -> RuntimeSymbols {
        var loaded = image.loaded
        loaded.path = path
        return RuntimeSymbols(ImageTable(images: [loaded]))
    }
}
