// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_RUNTIME_H
#define CLOOPWATCH_RUNTIME_H

#include "job_accounting.h"
#include "perf_events.h"
#include "thread_trace.h"
#include "process_calls.h"
#include <stddef.h>
#include <stdint.h>

/// The kernel's number of the calling thread.
///
/// Provided because older C libraries have no gettid(). Async-signal-safe; remembered for each thread, so that it costs
/// no system call after the first.
int32_t lw_gettid(void);

/// Reads a word that other threads may be writing, in one relaxed load.
///
/// Provided because Swift cannot make an atomic out of memory that it does not own. `address` must be aligned.
static inline uint64_t lw_load_word(const void *_Nonnull address) {
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_RELAXED);
}

/// Creates a non-blocking, close-on-exec eventfd; -1 and errno on failure.
///
/// Provided because the Glibc module does not import sys/eventfd.h.
int lw_eventfd(void);

/// Creates a non-blocking, close-on-exec descriptor from which a signal is read that the reading thread blocks; -1 and errno on
/// failure.
///
/// Provided because the Glibc module does not import sys/signalfd.h.
int lw_signalfd(int signal);

/// Waits until one of two descriptors is readable (`second`: -1 for none), for at most `timeout_ns` (negative: for ever). Returns
/// which are, 1 and 2 in one number; 0 on timeout, -1 and errno.
///
/// Provided because the Glibc module does not import ppoll(), whose timeout is finer than poll()'s milliseconds.
int lw_wait_readable(int first, int second, int64_t timeout_ns);

/// A set of two descriptors for lw_wait_readable_in: to wait in it costs a thread that has slept for long less, as the kernel
/// goes to neither of them. Returns its descriptor; -1 with errno set.
int lw_wait_set(int first, int second);

/// As lw_wait_readable, for the two of a set. -1 with ENOSYS before Linux 5.11.
int lw_wait_readable_in(int set, int64_t timeout_ns);

/// Names the calling thread; at most 15 bytes, longer names are cut.
///
/// Provided because the Glibc module does not import pthread_setname_np().
void lw_set_thread_name(const char *_Nonnull name);

/// Tells the scheduler that the calling thread runs for `slice_ns` at a time only, so that it gets its turn sooner when it
/// has something to do; its share of the CPU stays the same. Returns 0, or -1 and errno.
///
/// Linux has this for normal threads since 6.12 (sched_attr.sched_runtime, sched(7)); before, it changes nothing. A thread
/// of another policy is left alone.
///
/// With a `nice` below 0 it asks for that as well, and for nothing where that is refused (EPERM): it takes CAP_SYS_NICE, or
/// RLIMIT_NICE (setrlimit(2)). In a process that was made to give way to others on purpose it stays so (EALREADY).
///
/// Threads that it starts have neither (SCHED_FLAG_RESET_ON_FORK).
int lw_request_turns(int64_t slice_ns, int nice);

/// Copies memory of this process that may not be there; returns the number of bytes copied, or -1 and errno (EFAULT where
/// nothing is mapped, instead of a crash).
///
/// Provided because the Glibc module does not import process_vm_readv().
ptrdiff_t lw_read_memory(uintptr_t address, void *_Nonnull destination, size_t count);

/// The processors that a thread may run on.
struct lw_affinity {
    uint64_t words[16];
};

/// Moves the calling thread to a processor, if it may run there already; returns 0, or -1 with nothing changed. What it
/// may run on is stored, for lw_leave_processor().
///
/// Provided because the Glibc module does not import sched_setaffinity() and the CPU_SET() macros.
int lw_visit_processor(int processor, struct lw_affinity *_Nonnull saved);

/// Lets the calling thread run again where it could before lw_visit_processor().
void lw_leave_processor(const struct lw_affinity *_Nonnull saved);

/// The environment of the process, as environ(7) has it; NULL after clearenv(3).
///
/// Provided because the Glibc module imports the variable without saying that it may be NULL.
char *_Nullable *_Nullable lw_environment(void);

/// Accepts a connection as a non-blocking, close-on-exec descriptor; -1 and errno on failure, EAGAIN when none waits.
///
/// Provided because the Glibc module does not import accept4(), and with accept() and fcntl() a program that the host
/// starts in between would inherit the connection.
int lw_accept(int listener);

/// Demangles a name of Swift; the caller frees the result. NULL if it is none.
///
/// Provided because no module exports swift_demangle() of the Swift runtime (swift/Demangling/Demangle.h).
char *_Nullable lw_demangle(const char *_Nonnull name, size_t length);

/// Arms a timer that expires at the next clock tick at which a thread of this process runs, and then sends it `signal`
/// with `token` (SI_TIMER); once. Returns the timer, or -1 and errno: ESRCH or EINVAL for a thread that is gone, EAGAIN
/// where the limit of pending signals is reached.
///
/// Provided because the Glibc module imports neither SIGEV_THREAD_ID nor syscall(), and the C library's timer_create()
/// may allocate.
int lw_thread_timer_start(int32_t thread, int signal, uint64_t token);

/// Ends a timer; returns 0 if it has not expired and never will, 1 if it may have sent its signal.
int lw_thread_timer_end(int timer);

/// Path of the module that an address lies in, as the loader knows it; NULL where there is none.
///
/// Takes the loader's lock. Provided because the Glibc module does not import dladdr().
const char *_Nullable lw_module_path(uintptr_t address);

/// A piece of a loaded module, as its program headers describe it.
struct lw_module_piece {
    /// Address in the process.
    uintptr_t address;
    /// Size in memory, in bytes.
    size_t size;
    /// Number of the module, from 0; pieces of one module follow each other.
    uint32_t module;
    /// Whether it is the table header of the unwinder (PT_GNU_EH_FRAME), and not a mapped segment (PT_LOAD).
    uint8_t is_unwind_header;
    /// Whether the module was loaded with the program, and so is never unloaded.
    uint8_t is_permanent;
    /// What may be done with it (PF_X 1, PF_W 2, PF_R 4).
    uint16_t access;
};

/// How many modules the loader has loaded and unloaded so far: what is unchanged needs no second look.
struct lw_module_counts {
    uint64_t loaded;
    uint64_t unloaded;
};

/// Reads the counts. Takes the loader's lock: not while a thread is looked at that may hold it (one inside dlopen).
///
/// Provided because the Glibc module does not import dl_iterate_phdr().
struct lw_module_counts lw_module_counts(void);

/// Whether something is mapped at an address of this process; takes no lock of the loader. Costs 0.2 us.
///
/// Provided because the Glibc module does not import mincore().
int lw_is_mapped(const void *_Nonnull address);

/// Lists the pieces of all loaded modules, at most `capacity`; returns how many there are, which may be more. Takes the
/// loader's lock.
size_t lw_list_module_pieces(
    struct lw_module_piece *_Nonnull pieces, size_t capacity, struct lw_module_counts *_Nonnull counts);

#endif
