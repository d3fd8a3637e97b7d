// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The functions of the C library that threads block or compute in, for executables that hold it: those that are linked
/// statically, where no file tells whose code it is.
///
/// No function of the host can have one of these names there: the linker would refuse it.
enum SystemFunctions {
    /// Whether a symbol is one of them: under its name, or one that the C library has for it inside, such as `__read`,
    /// `__libc_send`, `__GI___poll`, `__memcpy_avx_unaligned`.
    static func contain(_ symbol: String) -> Bool {
        var name = symbol[...]
        for prefix in ["__GI_", "__libc_", "__"] where name.hasPrefix(prefix) { name = name.dropFirst(prefix.count) }
        name = name.drop { $0 == "_" }
        // What the compiler made of one of them: gaih_inet.constprop.0.
        name = name.prefix { $0 != "." }
        if names.contains(String(name)) { return true }
        guard symbol.hasPrefix("_") else { return false }
        return beginnings.contains { name.hasPrefix($0) }
    }

    private static let names: Set<String> = [
        // Sleeping, and waiting for descriptors.
        "clock_nanosleep", "nanosleep", "usleep", "sleep", "select", "pselect", "poll", "ppoll", "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2", "pause", "sigsuspend", "sigwait", "sigwaitinfo", "sigtimedwait", "wait", "wait3", "wait4",
        "waitid",
        "waitpid",
        // Files.
        "read", "pread", "pread64", "readv", "preadv", "preadv2", "write", "pwrite", "pwrite64", "writev", "pwritev",
        "open",
        "open64", "openat", "openat64", "close", "fsync", "fdatasync", "sync", "syncfs", "msync", "sync_file_range",
        "flock",
        "lockf", "lockf64", "fcntl", "fcntl64", "ioctl", "stat", "fstat", "lstat", "fstatat", "statx", "rename",
        "unlink",
        "ftruncate", "truncate", "fallocate", "posix_fallocate", "sendfile", "sendfile64", "splice", "copy_file_range",
        "fopen", "fclose", "fread", "fwrite", "fflush", "fgets", "getline", "getdelim", "readdir", "readdir64",
        "opendir",
        // Sockets and names.
        "accept", "accept4", "connect", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg",
        "recvmmsg",
        "shutdown", "getaddrinfo", "gethostbyname", "getnameinfo", "gaih_inet", "send_dg", "send_vc",
        "res_context_send",
        "res_context_query", "res_context_search", "res_context_querydomain", "res_nsend", "getpwnam_r", "getpwuid_r",
        // Threads.
        "syscall", "futex_wait", "futex_abstimed_wait_common", "futex_abstimed_wait_common64", "futex_lock_pi64",
        "lll_lock_wait", "lll_lock_wait_private", "pthread_mutex_lock", "pthread_mutex_timedlock",
        "pthread_mutex_cond_lock",
        "pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait", "pthread_rwlock_rdlock",
        "pthread_rwlock_wrlock", "pthread_join", "pthread_timedjoin_np", "pthread_clockjoin_ex", "pthread_barrier_wait",
        "pthread_once", "sem_wait", "sem_timedwait", "sem_clockwait", "new_sem_wait", "new_sem_wait_slow64",
        "start_thread",
        "clone", "clone3", "fork", "vfork", "posix_spawn", "posix_spawnp", "spawnix", "system", "sched_yield",
        "nptl_deallocate_tsd",
        // Memory and computing.
        "malloc", "calloc", "realloc", "free", "int_malloc", "int_free", "int_realloc", "malloc_consolidate",
        "aligned_alloc", "posix_memalign", "memalign", "mmap", "mmap64", "munmap", "mremap", "madvise", "mprotect",
        "brk",
        "sbrk", "memcpy", "memmove", "memset", "memcmp", "memchr", "strlen", "strcmp", "strncmp", "strchr", "strstr",
        "strtol",
        "strtoul", "strtod", "qsort", "qsort_r", "bsearch", "printf", "fprintf", "snprintf", "vsnprintf", "vfprintf",
        "clock_gettime", "gettimeofday", "getrandom", "dlopen", "dlsym", "dlclose", "dl_iterate_phdr", "restore_rt",
        "abort", "raise", "exit",
    ]

    /// Beginnings of names that there are several of, one for each kind of processor.
    private static let beginnings = [
        "mem", "str", "wcs", "wmem", "libc_start", "pthread_", "futex_", "lll_", "nss_", "res_", "vfprintf", "printf_",
    ]
}
