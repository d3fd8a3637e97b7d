// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_THREAD_TRACE_H
#define CLOOPWATCH_THREAD_TRACE_H

#include <stdint.h>

/// Whether this process may use ptrace(2) at all; filters of containers may refuse the call. Touches no other process.
int lw_trace_is_allowed(void);

/// Traces a thread of another process without stopping it (PTRACE_SEIZE); returns 0, or -1 and errno.
///
/// A thread that is traced belongs to the calling thread alone. If that ends, in whatever way, the kernel lets the traced
/// thread go, and it runs on.
///
/// Provided because the Glibc module does not import ptrace(), which takes a variable number of arguments.
int lw_trace_seize(int32_t thread);

/// Stops a traced thread at the next moment at which it is not within the kernel; returns 0, or -1 and errno.
///
/// A call that it sleeps in may return with EINTR: not for a thread that sleeps.
int lw_trace_interrupt(int32_t thread);

/// Where a traced thread is.
enum lw_trace_stop {
    /// It runs.
    lw_trace_running = 0,
    /// It is stopped just before a system call.
    lw_trace_before_call = 1,
    /// It is stopped elsewhere, and is to go on.
    lw_trace_other = 2,
    /// It is about to receive a signal, which has to be handed on.
    lw_trace_signal = 3,
    /// Its whole process is being stopped by a signal.
    lw_trace_group = 4,
    /// It is gone.
    lw_trace_gone = 5,
};

/// A look at a traced thread.
struct lw_trace_look {
    /// An `enum lw_trace_stop`.
    int32_t stop;
    /// The signal to hand on.
    int32_t signal;
    /// Whether it is the stop that was asked for (`lw_trace_interrupt`): a call that it was in may have been cut short.
    int32_t is_interrupt;
    /// Before a call: its number and its first argument.
    int64_t number;
    uint64_t argument;
};

/// Finds out where a traced thread is, without waiting.
struct lw_trace_look lw_trace_look(int32_t thread);

/// Lets a stopped thread run on up to its next system call; returns 0, or -1 and errno.
int lw_trace_continue(int32_t thread, int signal);

/// Lets a stopped thread go; returns 0, or -1 and errno.
int lw_trace_release(int32_t thread, int signal);

#endif
