// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The file that a Unix socket is bound to: which one it is, and whether it may be replaced or removed.
struct UnixSocketFile: Equatable {
    /// The path, with the process id filled in.
    let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Remembers the file that is at the path now; `nil` if there is none.
    init?(at path: String) {
        guard let status = UnixSocketFile.status(of: path) else { return nil }
        self.path = path
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Removes the file, unless another one took its place meanwhile.
    func remove() {
        if UnixSocketFile(at: path) == self { unlink(path) }
    }

    /// Makes room at the path: removes a socket that nobody listens on, and throws for anything else that is there.
    static func clear(_ path: String, for address: SocketAddress, operation: String) throws {
        guard let status = status(of: path) else {
            // What else is wrong with the path, bind(2) says better.
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemError(operation: "\(operation) (what is there is not a socket)", code: EEXIST)
        }
        let probe = Descriptor(owning: socket(AF_UNIX, streamType, 0))
        guard probe.number >= 0 else { throw SystemError(operation: "socket") }
        let result = retryingInterrupted { address.withPointer { connect(probe.number, $0, $1) } }
        let code = errno
        // EAGAIN: somebody listens, whose backlog is full.
        if result == 0 || code == EAGAIN {
            throw SystemError(operation: "\(operation) (another server listens there)", code: EADDRINUSE)
        }
        guard code == ECONNREFUSED else { throw SystemError(operation: operation, code: code) }
        unlink(path)
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        // Not followed: a symbolic link at the path is not ours to replace.
        return lstat(path, &status) == 0 ? status : nil
    }
}

/// The type of every socket here: a stream that never blocks and that no started program inherits.
let streamType = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
