// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef LOOPWATCH_JOB_LAYOUT_H
#define LOOPWATCH_JOB_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#define LW_SWIFT_CALL __attribute__((swiftcall))

/// Of what runs rarely within what runs for every job: it leaves the registers as they are, so that whoever calls it has
/// none to save where it is not called.
#if defined(__x86_64__) || defined(__aarch64__)
#define LW_RARE __attribute__((noinline, cold, preserve_most))
#else
#define LW_RARE __attribute__((noinline, cold))
#endif

/// A job of the concurrency runtime (include/swift/ABI/Task.h, class Job), on 64-bit systems.
struct lw_runtime_job {
    void **metadata;
    uintptr_t reference_count;
    /// Belongs to whatever the job waits in. While it waits in a Dispatch queue nothing uses the first word; the second
    /// names the queue.
    _Atomic uintptr_t scheduler_private[2];
    _Atomic uint32_t flags;
    uint32_t identifier;
    void *voucher;
    void *reserved;
    void *run;
};

/// The second word of a job that waits in a queue of the global executor (DISPATCH_QUEUE_GLOBAL_EXECUTOR).
#define LW_GLOBAL_EXECUTOR_QUEUE ((uintptr_t)1)

/// Flags: bits 0 to 7 the kind, 8 to 15 the priority, 30 whether a task has a name.
#define LW_JOB_FLAGS_KIND(flags) ((flags) & 0xff)
#define LW_JOB_FLAGS_PRIORITY(flags) (((flags) >> 8) & 0xff)
#define LW_JOB_FLAGS_HAS_NAME (UINT32_C(1) << 30)

#define LW_RUNTIME_KIND_TASK 0
#define LW_RUNTIME_KIND_ACTOR_FIRST 192
#define LW_RUNTIME_KIND_ACTOR_LAST 194
#define LW_RUNTIME_KIND_CONTINUATION 195
/// Of our probe: no kind of the runtime's.
#define LW_RUNTIME_KIND_PROBE 200

/// A job that waits bears when it was enqueued in the first of its private words, which nobody clears when a job is made:
/// above, a mark that no pointer has, the installation and the lane; below, the lowest 48 bits of the time.
#define LW_STAMP_TIME_BITS 48
#define LW_STAMP_LANE_BITS 3
#define LW_STAMP_EPOCHS 32
#define LW_STAMP_MARK UINT32_C(0xa500)

/// Words of the metadata of the two job classes (DispatchClassMetadata).
#define LW_METADATA_KIND 0
#define LW_METADATA_VTABLE_TYPE 2
#define LW_METADATA_VTABLE_INVOKE 3
#define LW_METADATA_KIND_JOB ((uintptr_t)0x503)
#define LW_METADATA_KIND_TASK ((uintptr_t)0x502)

/// Where a task's name is: the chain of its status records, the record of this kind in it, and the text in that.
#define LW_TASK_RECORDS 0x68
#define LW_RECORD_PARENT 0x08
#define LW_RECORD_KIND_NAME 6
#define LW_RECORD_NAME 0x10
/// Records that are looked through: more would be a chain gone wrong.
#define LW_TASK_RECORDS_MAX 64

typedef void (*lw_invoke_function)(void *job, void *unused, uint32_t flags);
typedef void (*lw_enqueue_function)(void *queue, void *job, unsigned qos);

#endif
