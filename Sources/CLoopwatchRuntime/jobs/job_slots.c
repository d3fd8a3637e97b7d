// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "job_slots.h"
#include "CLoopwatchRuntime.h"
#include <pthread.h>
#include <string.h>

struct lw_job_slot lw_job_slots[LW_JOB_SLOTS_MAX];
_Atomic uint32_t lw_job_slots_used;
_Atomic uint64_t lw_job_untracked;
__thread struct lw_job_slot *lw_job_slot_own __attribute__((tls_model("initial-exec")));

static pthread_key_t thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic int is_prepared;

static void give_back(struct lw_job_slot *slot) {
    LW_STORE(slot->job.start, 0);
    LW_STORE(slot->depth, 0);
    LW_STORE(slot->outer_used, 0);
    for (int index = 0; index < LW_JOB_OUTER_MAX; index++) LW_STORE(slot->outer[index].start, 0);
    atomic_store_explicit(&slot->is_taken, 0, memory_order_release);
}

static void thread_ended(void *value) {
    lw_job_slot_own = NULL;
    give_back(value);
}

// Only the thread that forked lives in the child, perhaps within a job.
static void forked(void) {
    uint32_t used = LW_LOAD(lw_job_slots_used);
    for (uint32_t index = 0; index < used; index++) {
        if (&lw_job_slots[index] != lw_job_slot_own) give_back(&lw_job_slots[index]);
    }
    if (lw_job_slot_own != NULL) LW_STORE(lw_job_slot_own->thread, lw_gettid());
}

static void prepare(void) {
    if (pthread_key_create(&thread_end, thread_ended) != 0) return;
    pthread_atfork(NULL, NULL, forked);
    atomic_store_explicit(&is_prepared, 1, memory_order_release);
}

static struct lw_job_slot *claim(void) {
    for (;;) {
        uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
        for (uint32_t index = 0; index < used; index++) {
            struct lw_job_slot *slot = &lw_job_slots[index];
            uint32_t is_taken = 0;
            if (LW_LOAD(slot->is_taken) == 0 &&
                atomic_compare_exchange_strong_explicit(
                    &slot->is_taken, &is_taken, 1, memory_order_acquire, memory_order_relaxed)) {
                return slot;
            }
        }
        if (used == LW_JOB_SLOTS_MAX) return NULL;
        // The next round finds the new one, or another thread has.
        atomic_compare_exchange_strong(&lw_job_slots_used, &used, used + 1);
    }
}

LW_RARE struct lw_job_slot *lw_job_slot_take(void) {
    pthread_once(&once, prepare);
    struct lw_job_slot *slot =
        atomic_load_explicit(&is_prepared, memory_order_acquire) ? claim() : NULL;
    if (slot == NULL) {
        atomic_fetch_add_explicit(&lw_job_untracked, 1, memory_order_relaxed);
        return NULL;
    }
    LW_STORE(slot->thread, lw_gettid());
    LW_STORE(slot->thread_pointer, (uintptr_t)__builtin_thread_pointer());
    // The key has the thread's end give the slot back.
    if (pthread_setspecific(thread_end, slot) != 0) {
        give_back(slot);
        atomic_fetch_add_explicit(&lw_job_untracked, 1, memory_order_relaxed);
        return NULL;
    }
    lw_job_slot_own = slot;
    return slot;
}

LW_RARE void lw_job_slot_reset(struct lw_job_slot *slot, uint32_t epoch) {
    for (int lane = 0; lane < LW_JOB_LANES; lane++) {
        LW_STORE(slot->enqueued_count[lane], 0);
        LW_STORE(slot->enqueued_at_sum[lane], 0);
        LW_STORE(slot->started[lane], 0);
        LW_STORE(slot->started_enqueued_at_sum[lane], 0);
        LW_STORE(slot->ended[lane], 0);
        LW_STORE(slot->wait[lane], 0);
        LW_STORE(slot->run[lane], 0);
        LW_STORE(slot->last_start[lane], 0);
        LW_STORE(slot->first_enqueued[lane], 0);
        LW_STORE(slot->depth_max[lane], 0);
        LW_STORE(slot->generation[lane], 0);
    }
    LW_STORE(slot->unstamped, 0);
    for (int kind = 0; kind < LW_JOB_KINDS; kind++) LW_STORE(slot->kinds[kind], 0);
    for (int group = 0; group < LW_JOB_GROUPS; group++) {
        for (int bucket = 0; bucket <= LW_JOB_EDGES; bucket++) {
            LW_STORE(slot->wait_buckets[group][bucket], 0);
            LW_STORE(slot->run_buckets[group][bucket], 0);
        }
    }
    atomic_store_explicit(&slot->epoch, epoch, memory_order_release);
}

void lw_jobs_release(uint32_t index, int32_t thread) {
    if (index >= LW_JOB_SLOTS_MAX) return;
    struct lw_job_slot *slot = &lw_job_slots[index];
    // Only if it is still the slot of that thread, which has ended and will not give it back itself.
    if (LW_LOAD(slot->is_taken) == 1 && LW_LOAD(slot->thread) == thread) give_back(slot);
}
