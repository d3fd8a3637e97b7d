// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_PERF_EVENTS_H
#define CLOOPWATCH_PERF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

/// Bytes of the instruction with which this architecture calls the system; 0 where breakpoints are not supported.
size_t lw_perf_call_instruction_size(void);

/// Opens an event that records each time a thread of any process executes the instruction at `address` (a hardware
/// breakpoint; x86-64 has four for each thread), with the registers of its system call. It is disabled at first. Returns
/// the descriptor, or -1 and errno: EACCES and EPERM where it is not allowed, ENOSPC and EBUSY where no breakpoint is left,
/// ESRCH for a thread that is gone.
///
/// Provided because perf_event_open(2) has no wrapper, and struct perf_event_attr bit fields that Swift does not import.
int lw_perf_open_breakpoint(int32_t thread, uint64_t address);

/// Sleeps for so many nanoseconds (nanosleep(2), less than a second) by a system call that no other code makes: what
/// breakpoints at it cost is measured with it. Does nothing where breakpoints are not supported.
void lw_perf_trial_sleep(int64_t nanoseconds);

/// Where that call returns to, behind its instruction; 0 where breakpoints are not supported.
uint64_t lw_perf_trial_return(void);

/// Opens an event that records each time a thread passes the tracepoint with this number, one of the group `syscalls`, with
/// its arguments. It is disabled at first. Returns like lw_perf_open_breakpoint().
int lw_perf_open_tracepoint(int32_t thread, uint64_t tracepoint);

/// The number by which records name an event; returns 0, or -1 and errno.
int lw_perf_identifier(int event, uint64_t *_Nonnull identifier);

/// Has an event write its records to the ring of another; returns 0, or -1 and errno.
int lw_perf_share_ring(int event, int owner);

/// Begins or ends recording; returns 0, or -1 and errno.
int lw_perf_enable(int event, int is_enabled);

/// Maps the ring of an event, of `pages` pages (a power of two) and one for its state; NULL and errno on failure: EPERM
/// where the user's limit of locked memory is reached (perf_event_mlock_kb).
void *_Nullable lw_perf_map(int event, size_t pages);

/// Unmaps a ring.
void lw_perf_unmap(void *_Nonnull ring, size_t pages);

/// What a record says.
enum lw_perf_kind {
    /// A breakpoint or tracepoint was passed.
    lw_perf_sample = 0,
    /// Records were lost: `value` of them.
    lw_perf_lost = 1,
    /// The kernel stopped recording for a moment, or goes on with it.
    lw_perf_throttled = 2,
};

/// A record of a ring.
struct lw_perf_record {
    /// Which event it is of (lw_perf_identifier()).
    uint64_t identifier;
    /// When, on CLOCK_MONOTONIC, in nanoseconds; 0 where the record does not say.
    uint64_t time_ns;
    /// Before a call: its number. After it: what it returned.
    int64_t value;
    /// Before a call: its first argument.
    uint64_t argument;
    /// An `enum lw_perf_kind`.
    uint32_t kind;
    uint32_t reserved;
};

/// Takes records out of a ring, at most `capacity`; returns how many. Makes no system call.
///
/// - is_tracepoint: whether the events are tracepoints.
/// - entry: number of the event that records the entry to the call.
size_t lw_perf_read(
    void *_Nonnull ring, size_t pages, int is_tracepoint, uint64_t entry, struct lw_perf_record *_Nonnull records,
    size_t capacity);

/// Opens a descriptor for a process, readable when it has ended (pidfd_open(2)); -1 and errno on failure.
int lw_open_process(int32_t process);

#endif
