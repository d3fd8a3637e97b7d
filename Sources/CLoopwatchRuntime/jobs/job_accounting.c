// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// Installs accounting, watches over it, and takes it back.

#include "job_accounting_internal.h"
#include "job_slots.h"
#include "CLoopwatchRuntime.h"
#include <stddef.h>
#include <string.h>

extern void *const _swift_concurrency_debug_jobMetadata;
extern void *const _swift_concurrency_debug_asyncTaskMetadata;

// The runtime's hooks (include/swift/Runtime/Concurrency.h): NULL, or called instead of the function that they are given.
typedef LW_SWIFT_CALL void (*enqueue_original)(void *job);
typedef LW_SWIFT_CALL void (*enqueue_hook)(void *job, enqueue_original original);
extern enqueue_hook swift_task_enqueueGlobal_hook;
extern enqueue_hook swift_task_enqueueMainExecutor_hook;

static _Atomic int mode = LW_JOBS_OFF;
static uint32_t installations;
static lw_enqueue_function *enqueue_word;
static _Atomic(enqueue_hook) hook_before;
static _Atomic(enqueue_hook) main_hook_before;
static enqueue_hook hook_expected;
// Our hook could not be taken back: one that came later may call it, for good.
static int is_hook_left;

static void **job_metadata(void) { return _swift_concurrency_debug_jobMetadata; }
static void **task_metadata(void) { return _swift_concurrency_debug_asyncTaskMetadata; }

static enqueue_hook hook(void) { return __atomic_load_n(&swift_task_enqueueGlobal_hook, __ATOMIC_ACQUIRE); }

static LW_SWIFT_CALL void stamping_hook(void *job, enqueue_original original) {
    if (LW_LOAD(mode) == LW_JOBS_RUNS) lw_job_stamp_by_hook(job, 0);
    enqueue_hook before = atomic_load_explicit(&hook_before, memory_order_acquire);
    if (before != NULL) before(job, original);
    else original(job);
}

static LW_SWIFT_CALL void stamping_main_hook(void *job, enqueue_original original) {
    if (LW_LOAD(mode) == LW_JOBS_RUNS) lw_job_stamp_by_hook(job, 1);
    enqueue_hook before = atomic_load_explicit(&main_hook_before, memory_order_acquire);
    if (before != NULL) before(job, original);
    else original(job);
}

static LW_SWIFT_CALL void counting_hook(void *job, enqueue_original original) {
    if (LW_LOAD(mode) == LW_JOBS_ENQUEUES) lw_job_count_by_hook(job);
    enqueue_hook before = atomic_load_explicit(&hook_before, memory_order_acquire);
    if (before != NULL) before(job, original);
    else original(job);
}

static void exchange_invoke(void *function) {
    __atomic_store_n(&job_metadata()[LW_METADATA_VTABLE_INVOKE], function, __ATOMIC_RELEASE);
    __atomic_store_n(&task_metadata()[LW_METADATA_VTABLE_INVOKE], function, __ATOMIC_RELEASE);
}

static int has_invoke(void **metadata) {
    return __atomic_load_n(&metadata[LW_METADATA_VTABLE_INVOKE], __ATOMIC_ACQUIRE) ==
           (void *)(uintptr_t)&lw_job_invoke;
}

// What was counted before does not count any more.
static void begin_epoch(void) {
    installations = (installations + 1) % LW_STAMP_EPOCHS;
    uint32_t epoch = LW_STAMP_MARK | installations << LW_STAMP_LANE_BITS;
    // Numbers come again: a thread that has had no job since the last epoch of this one must not count as of it.
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    for (uint32_t index = 0; index < used; index++) {
        uint32_t former = epoch;
        atomic_compare_exchange_strong(&lw_job_slots[index].epoch, &former, 0);
    }
    atomic_store_explicit(&lw_job_settings.epoch, epoch, memory_order_release);
}

const char *lw_jobs_install(enum lw_job_mode wanted, const uint64_t *edges, uint64_t long_ticks) {
    if (mode != LW_JOBS_OFF) return "accounting is installed already";
    // It would be called by itself.
    if (wanted != LW_JOBS_EXACT && is_hook_left) return "a hook of an earlier installation may still be called";
    const char *problem = lw_jobs_check();
    if (wanted != LW_JOBS_ENQUEUES && problem != NULL) return problem;
    lw_enqueue_function *word = NULL;
    if (wanted == LW_JOBS_EXACT) {
        word = lw_job_find_enqueue_word();
        if (word == NULL) return "the runtime's enqueue function is not found where it should be";
        atomic_store_explicit(
            &lw_job_settings.original_enqueue, __atomic_load_n(word, __ATOMIC_ACQUIRE), memory_order_release);
    }
    if (wanted != LW_JOBS_ENQUEUES) {
        lw_invoke_function invoke = (lw_invoke_function)(uintptr_t)job_metadata()[LW_METADATA_VTABLE_INVOKE];
        if (invoke == lw_job_invoke) return "the entry of the job classes is ours already";
        atomic_store_explicit(&lw_job_settings.original_invoke, invoke, memory_order_release);
    }
    for (int edge = 0; edge < LW_JOB_EDGES; edge++) LW_STORE(lw_job_settings.edges[edge], edges[edge]);
    LW_STORE(lw_job_settings.long_ticks, long_ticks);
    // Without one, jobs that have no stamp would be taken for stamped.
    if (LW_LOAD(lw_job_settings.epoch) == 0) begin_epoch();
    // Runs first, so that every job that was seen to be enqueued is seen to run. It only counts after that: a thread that was
    // kept from running since an earlier installation may still be about to enqueue a job, and to count it.
    if (wanted != LW_JOBS_ENQUEUES) exchange_invoke((void *)(uintptr_t)&lw_job_invoke);
    begin_epoch();
    if (wanted != LW_JOBS_EXACT) atomic_store_explicit(&hook_before, hook(), memory_order_release);
    mode = wanted;
    switch (wanted) {
    case LW_JOBS_EXACT:
        hook_expected = hook();
        enqueue_word = word;
        __atomic_store_n(word, lw_job_enqueue, __ATOMIC_RELEASE);
        break;
    case LW_JOBS_RUNS:
        atomic_store_explicit(
            &main_hook_before, __atomic_load_n(&swift_task_enqueueMainExecutor_hook, __ATOMIC_ACQUIRE),
            memory_order_release);
        hook_expected = stamping_hook;
        __atomic_store_n(&swift_task_enqueueMainExecutor_hook, stamping_main_hook, __ATOMIC_RELEASE);
        __atomic_store_n(&swift_task_enqueueGlobal_hook, stamping_hook, __ATOMIC_RELEASE);
        break;
    case LW_JOBS_ENQUEUES:
        hook_expected = counting_hook;
        __atomic_store_n(&swift_task_enqueueGlobal_hook, counting_hook, __ATOMIC_RELEASE);
        break;
    case LW_JOBS_OFF: break;
    }
    return NULL;
}

void lw_jobs_set_long(uint64_t long_ticks) { LW_STORE(lw_job_settings.long_ticks, long_ticks); }

static int restore_hook(enqueue_hook *variable, enqueue_hook ours, enqueue_hook before) {
    return __atomic_compare_exchange_n(variable, &ours, before, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

const char *lw_jobs_uninstall(void) {
    const char *problem = NULL;
    enqueue_hook before = atomic_load_explicit(&hook_before, memory_order_acquire);
    if (mode == LW_JOBS_EXACT) {
        lw_enqueue_function ours = lw_job_enqueue;
        lw_enqueue_function original =
            atomic_load_explicit(&lw_job_settings.original_enqueue, memory_order_acquire);
        if (!__atomic_compare_exchange_n(enqueue_word, &ours, original, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            problem = "the runtime's enqueue function was changed by someone else";
        }
    } else if (mode == LW_JOBS_RUNS) {
        enqueue_hook main_before = atomic_load_explicit(&main_hook_before, memory_order_acquire);
        int is_restored = restore_hook(&swift_task_enqueueGlobal_hook, stamping_hook, before);
        if (!restore_hook(&swift_task_enqueueMainExecutor_hook, stamping_main_hook, main_before) || !is_restored) {
            problem = "the runtime's hook was changed by someone else";
            is_hook_left = 1;
        }
    } else if (mode == LW_JOBS_ENQUEUES) {
        if (!restore_hook(&swift_task_enqueueGlobal_hook, counting_hook, before)) {
            problem = "the runtime's hook was changed by someone else";
            is_hook_left = 1;
        }
    }
    if (mode == LW_JOBS_EXACT || mode == LW_JOBS_RUNS) {
        // Jobs that wait keep their stamps, in a word that nothing reads before it is written.
        void *original = (void *)(uintptr_t)atomic_load_explicit(
            &lw_job_settings.original_invoke, memory_order_acquire);
        if (has_invoke(job_metadata()) && has_invoke(task_metadata())) exchange_invoke(original);
        else problem = "the entry of the job classes was changed by someone else";
    }
    mode = LW_JOBS_OFF;
    return problem;
}

const char *lw_jobs_intact(void) {
    if (mode == LW_JOBS_EXACT && __atomic_load_n(enqueue_word, __ATOMIC_ACQUIRE) != lw_job_enqueue) {
        return "the runtime's enqueue function was changed by someone else";
    }
    if (mode == LW_JOBS_EXACT || mode == LW_JOBS_RUNS) {
        if (!has_invoke(job_metadata()) || !has_invoke(task_metadata())) {
            return "the entry of the job classes was changed by someone else";
        }
    }
    return NULL;
}

int lw_jobs_other_hook(uintptr_t *other) {
    *other = (uintptr_t)hook();
    return mode != LW_JOBS_OFF && *other != (uintptr_t)hook_expected;
}

void lw_jobs_expect_hook(uintptr_t other) { hook_expected = (enqueue_hook)other; }

// MARK: Names

int lw_jobs_try_names(const void *task, const char *name) {
    // By copies: where the layout is another one, whatever is found there is no pointer.
    uintptr_t record = 0;
    if (lw_read_memory((uintptr_t)task + LW_TASK_RECORDS, &record, sizeof(record)) != sizeof(record)) return 0;
    for (int index = 0; record != 0 && index < LW_TASK_RECORDS_MAX; index++) {
        uint8_t kind = 0;
        if (lw_read_memory(record, &kind, sizeof(kind)) != sizeof(kind)) return 0;
        if (kind == LW_RECORD_KIND_NAME) {
            uintptr_t text = 0;
            char found[LW_JOB_NAME_BYTES] = {0};
            size_t length = strlen(name) + 1;
            if (length > sizeof(found) ||
                lw_read_memory(record + LW_RECORD_NAME, &text, sizeof(text)) != sizeof(text) ||
                lw_read_memory(text, found, length) != (ptrdiff_t)length || memcmp(found, name, length) != 0) {
                return 0;
            }
            LW_STORE(lw_job_settings.notes_names, 1);
            return 1;
        }
        if (lw_read_memory(record + LW_RECORD_PARENT, &record, sizeof(record)) != sizeof(record)) return 0;
    }
    return 0;
}
