// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The system calls whose first argument is a file descriptor, and that can wait: what the call waits for can be told.
package enum DescriptorCalls {
    private static let names: Set<Substring> = Set(
        """
        read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 recvfrom recvmsg recvmmsg sendto sendmsg
        sendmmsg connect accept accept4 shutdown getdents getdents64 fsync fdatasync sync_file_range syncfs flock fcntl
        ioctl ftruncate fallocate fadvise64 lseek close fstat fchmod fchown getsockopt setsockopt sendfile splice tee
        vmsplice copy_file_range readahead epoll_wait epoll_pwait epoll_pwait2 epoll_ctl io_uring_enter inotify_add_watch
        timerfd_settime timerfd_gettime openat openat2 unlinkat mkdirat newfstatat fstatfs
        """.split { $0 == " " || $0 == "\n" }
    )

    /// Whether the first argument of a call is a file descriptor.
    ///
    /// In the calls that take a folder and a path (`openat`), the descriptor is often AT_FDCWD, which describes nothing.
    package static func hasDescriptor(_ call: String) -> Bool { names.contains(call[...]) }
}
