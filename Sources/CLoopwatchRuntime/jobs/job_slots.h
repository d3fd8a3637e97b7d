// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef LOOPWATCH_JOB_SLOTS_H
#define LOOPWATCH_JOB_SLOTS_H

#include "job_accounting.h"
#include "job_layout.h"
#include <stdatomic.h>
#include <stdint.h>

#define LW_NAME_WORDS (LW_JOB_NAME_BYTES / 8)

/// A job that was long, after its end.
struct lw_long_job {
    _Atomic uint64_t start, end, enqueued, task;
    _Atomic uint32_t flags, lane;
    _Atomic uint64_t name[LW_NAME_WORDS];
};

/// Jobs within which others run on the same thread that a slot keeps; deeper ones are only seen while none runs within them.
#define LW_JOB_OUTER_MAX 4

/// A job that runs.
struct lw_running_job {
    /// When it began; 0 if there is none. Written last, and cleared first.
    _Atomic uint64_t start;
    _Atomic uint64_t enqueued, task;
    /// Its flags, as the runtime has them, and its lane.
    _Atomic uint32_t flags, lane;
    _Atomic uint64_t name[LW_NAME_WORDS];
};

/// What one thread notes. Only that thread writes, so that no instruction has to lock the bus; others read. Slots are
/// never freed, and go over to other threads with what they have counted.
struct lw_job_slot {
    /// 1 while a thread has it.
    _Atomic uint32_t is_taken;
    _Atomic int32_t thread;
    /// The thread's pointer, from which its thread-local variables are counted.
    _Atomic uintptr_t thread_pointer;
    /// The installation that the counters belong to.
    _Atomic uint32_t epoch;
    /// How many jobs the innermost one runs within, and how many of `outer` are in use.
    _Atomic uint32_t depth, outer_used;
    /// The innermost job that runs.
    struct lw_running_job job;

    _Atomic uint64_t enqueued_count[LW_JOB_LANES], enqueued_at_sum[LW_JOB_LANES];
    _Atomic uint64_t started[LW_JOB_LANES], started_enqueued_at_sum[LW_JOB_LANES];
    _Atomic uint64_t wait[LW_JOB_LANES], run[LW_JOB_LANES], last_start[LW_JOB_LANES];
    _Atomic uint64_t first_enqueued[LW_JOB_LANES], depth_max[LW_JOB_LANES];
    _Atomic uint32_t generation[LW_JOB_LANES];
    _Atomic uint64_t unstamped, kinds[LW_JOB_KINDS];
    /// Without those below the lowest edge, which are nearly all: they are what is left of the jobs that started and ended.
    _Atomic uint64_t wait_buckets[LW_JOB_GROUPS][LW_JOB_EDGES + 1];
    _Atomic uint64_t run_buckets[LW_JOB_GROUPS][LW_JOB_EDGES + 1];
    _Atomic uint64_t ended[LW_JOB_LANES];

    /// Long jobs that have ended, ever; the latest are kept.
    _Atomic uint64_t long_count;
    struct lw_long_job long_jobs[LW_JOB_LONG_MAX];

    /// Jobs within which others run, or have run, the outermost first. Each stays here until it ends, so that whoever reads
    /// the innermost job first and these after it misses none of them.
    struct lw_running_job outer[LW_JOB_OUTER_MAX];
} __attribute__((aligned(128)));

/// All slots; pages that no thread ever used take no memory.
extern struct lw_job_slot lw_job_slots[LW_JOB_SLOTS_MAX];

/// How many slots, from the first on, have ever been used.
extern _Atomic uint32_t lw_job_slots_used;

/// Jobs of threads that got no slot.
extern _Atomic uint64_t lw_job_untracked;

/// Takes a slot for the calling thread; NULL where there is none left.
LW_RARE struct lw_job_slot *lw_job_slot_take(void);

/// The calling thread's slot, once it has one. At a fixed distance from the thread's pointer: eight bytes, for which there is
/// room also where the host loads this code late.
extern __thread struct lw_job_slot *lw_job_slot_own __attribute__((tls_model("initial-exec")));

/// The calling thread's slot; NULL where there is none left.
static inline struct lw_job_slot *lw_job_slot_of_thread(void) {
    struct lw_job_slot *slot = lw_job_slot_own;
    return __builtin_expect(slot != NULL, 1) ? slot : lw_job_slot_take();
}

/// Whether a job still runs, and none within it.
int lw_job_is_innermost(uint32_t slot, uint64_t start);

/// Forgets what was counted before this installation.
LW_RARE void lw_job_slot_reset(struct lw_job_slot *slot, uint32_t epoch);

#define LW_LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define LW_STORE(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
/// Adds in a field that nobody else writes.
#define LW_ADD(field, value) LW_STORE(field, LW_LOAD(field) + (value))

#endif
