// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A job of our own that does nothing, run by the global executor, shows whether that works as expected. It also has the
// runtime look up its enqueue function, which it does once, and would do over ours.

#include "job_accounting_internal.h"
#include "job_slots.h"
#include <stdatomic.h>
#include <string.h>

extern void *const _swift_concurrency_debug_jobMetadata;
extern void *const _swift_concurrency_debug_asyncTaskMetadata;
extern LW_SWIFT_CALL void swift_task_enqueueGlobal(void *job);

// The metadata as the runtime lays it out: three words come before the address that a job points to.
#define WORDS_BEFORE 3
#define WORDS_AFTER 4
#define IMMORTAL ((uintptr_t)0x80000007)
// The priority of the default queue: another would have Dispatch make threads that the process does not need.
#define PROBE_PRIORITY 0x15

static void *metadata[WORDS_BEFORE + WORDS_AFTER];
static struct lw_runtime_job probe;
static _Atomic int state = LW_PROBE_IDLE;
static _Atomic int is_seen;

static void invoked(void *object, void *unused, uint32_t flags) {
    (void)unused;
    (void)flags;
    const struct lw_runtime_job *job = object;
    int is_global = LW_LOAD(job->scheduler_private[1]) == LW_GLOBAL_EXECUTOR_QUEUE;
    int result = !is_global ? LW_PROBE_ELSEWHERE : LW_LOAD(is_seen) ? LW_PROBE_SEEN : LW_PROBE_PASSED;
    atomic_store_explicit(&state, result, memory_order_release);
}

static __attribute__((swiftasynccall)) void bypassed(void *job) {
    (void)job;
    atomic_store_explicit(&state, LW_PROBE_BYPASSED, memory_order_release);
}

LW_RARE void lw_job_probe_is_enqueued(void) { LW_STORE(is_seen, 1); }

const char *lw_jobs_check(void) {
    void *const *job = _swift_concurrency_debug_jobMetadata;
    void *const *task = _swift_concurrency_debug_asyncTaskMetadata;
    if (sizeof(void *) != 8) return "the word size is not 64 bits";
    if (job == NULL || task == NULL) return "the runtime does not tell the metadata of its jobs";
    if ((uintptr_t)job[LW_METADATA_KIND] != LW_METADATA_KIND_JOB ||
        (uintptr_t)task[LW_METADATA_KIND] != LW_METADATA_KIND_TASK) {
        return "the metadata of jobs is of another kind";
    }
    if ((uintptr_t)job[LW_METADATA_VTABLE_TYPE] != 1 || (uintptr_t)task[LW_METADATA_VTABLE_TYPE] != 1 ||
        job[LW_METADATA_VTABLE_INVOKE] == NULL ||
        job[LW_METADATA_VTABLE_INVOKE] != task[LW_METADATA_VTABLE_INVOKE]) {
        return "the metadata of jobs has another layout";
    }
    return NULL;
}

void lw_jobs_probe(void) {
    // Two threads may want one: one that waits serves both.
    if (atomic_exchange_explicit(&state, LW_PROBE_WAITING, memory_order_acq_rel) == LW_PROBE_WAITING) return;
    void *const *job = _swift_concurrency_debug_jobMetadata;
    memcpy(metadata, job - WORDS_BEFORE, sizeof(metadata));
    metadata[WORDS_BEFORE + LW_METADATA_VTABLE_INVOKE] = (void *)(uintptr_t)&invoked;
    probe.metadata = metadata + WORDS_BEFORE;
    probe.reference_count = IMMORTAL;
    LW_STORE(probe.scheduler_private[0], 0);
    LW_STORE(probe.scheduler_private[1], 0);
    LW_STORE(probe.flags, LW_RUNTIME_KIND_PROBE | PROBE_PRIORITY << 8);
    probe.run = (void *)(uintptr_t)&bypassed;
    LW_STORE(is_seen, 0);
    swift_task_enqueueGlobal(&probe);
}

int lw_jobs_probe_is_enqueued(void) { return LW_LOAD(is_seen); }

enum lw_job_probe lw_jobs_probe_state(void) { return atomic_load_explicit(&state, memory_order_acquire); }
