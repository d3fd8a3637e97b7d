// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// Reads what the threads noted, from any thread; nobody waits for anybody.

#include "job_accounting_internal.h"
#include "job_slots.h"
#include <string.h>

static void read_name(const _Atomic uint64_t *words, char *name) {
    for (int word = 0; word < LW_NAME_WORDS; word++) {
        uint64_t value = LW_LOAD(words[word]);
        memcpy(name + word * 8, &value, sizeof(value));
        // Behind the end of a short name stands what a longer one left.
        if (memchr(name + word * 8, 0, sizeof(value)) != NULL) break;
    }
    name[LW_JOB_NAME_BYTES - 1] = 0;
}

static void read_description(uint32_t flags, uint32_t lane, struct lw_job *job) {
    job->lane = (uint8_t)lane;
    job->kind = lw_job_kinds[LW_JOB_FLAGS_KIND(flags)];
    job->priority = LW_JOB_FLAGS_PRIORITY(flags);
}

/// Reads a job that runs in a slot; returns 0 if there is none, or it changed meanwhile.
static int read_job(uint32_t index, const struct lw_running_job *running, struct lw_job *job) {
    memset(job, 0, sizeof(*job));
    job->start = atomic_load_explicit(&running->start, memory_order_acquire);
    if (job->start == 0) return 0;
    job->slot = index;
    job->thread = LW_LOAD(lw_job_slots[index].thread);
    job->enqueued = LW_LOAD(running->enqueued);
    job->task = LW_LOAD(running->task);
    read_description(LW_LOAD(running->flags), LW_LOAD(running->lane), job);
    read_name(running->name, job->name);
    atomic_thread_fence(memory_order_acquire);
    return LW_LOAD(running->start) == job->start;
}

#define RUNNING_MOST (1 + LW_JOB_OUTER_MAX)

/// Reads the jobs that run in a slot, the innermost first; returns how many there are.
static size_t read_running(uint32_t index, struct lw_job jobs[RUNNING_MOST]) {
    const struct lw_job_slot *slot = &lw_job_slots[index];
    size_t count = (size_t)read_job(index, &slot->job, &jobs[0]);
    uint64_t innermost = count > 0 ? jobs[0].start : 0;
    // What is not the innermost one any more is kept by then.
    atomic_thread_fence(memory_order_acquire);
    for (uint32_t outer = LW_LOAD(slot->outer_used); outer > 0; outer--) {
        if (LW_LOAD(slot->outer[outer - 1].start) == innermost) continue;
        count += (size_t)read_job(index, &slot->outer[outer - 1], &jobs[count]);
    }
    return count;
}

// A reading that takes longer was interrupted, and tells of jobs that came meanwhile as if they waited.
#define READING_NANOSECONDS_MOST 100000
#define READINGS_MOST 4

static void read_once(struct lw_job_totals *totals) {
    memset(totals, 0, sizeof(*totals));
    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    uint32_t generation = LW_LOAD(lw_job_settings.generation);
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    // First what started, then what was enqueued: so no job counts as started that does not count as enqueued.
    for (int is_second = 0; is_second < 2; is_second++) {
        for (uint32_t index = 0; index < used; index++) {
            const struct lw_job_slot *slot = &lw_job_slots[index];
            if (atomic_load_explicit(&slot->epoch, memory_order_acquire) != epoch) continue;
            for (int lane = 0; lane < LW_JOB_LANES; lane++) {
                struct lw_job_lane_totals *total = &totals->lanes[lane];
                if (!is_second) {
                    total->started += atomic_load_explicit(&slot->started[lane], memory_order_acquire);
                    total->started_enqueued_at_sum += LW_LOAD(slot->started_enqueued_at_sum[lane]);
                    total->wait += LW_LOAD(slot->wait[lane]);
                    total->ended += LW_LOAD(slot->ended[lane]);
                    total->run += LW_LOAD(slot->run[lane]);
                    uint64_t last = LW_LOAD(slot->last_start[lane]);
                    if (last > total->last_start) total->last_start = last;
                } else {
                    total->enqueued += atomic_load_explicit(&slot->enqueued_count[lane], memory_order_acquire);
                    total->enqueued_at_sum += LW_LOAD(slot->enqueued_at_sum[lane]);
                    uint64_t depth = LW_LOAD(slot->depth_max[lane]);
                    if (depth > total->depth_max) total->depth_max = depth;
                    uint64_t first = LW_LOAD(slot->first_enqueued[lane]);
                    if (LW_LOAD(slot->generation[lane]) == generation && first != 0 &&
                        (total->first_enqueued == 0 || first < total->first_enqueued)) {
                        total->first_enqueued = first;
                    }
                }
            }
            if (is_second) continue;
            totals->unstamped += LW_LOAD(slot->unstamped);
            struct lw_job jobs[RUNNING_MOST];
            for (size_t count = read_running(index, jobs); count > 0; count--) {
                const struct lw_job *job = &jobs[count - 1];
                if (job->lane >= LW_JOB_LANES) continue;
                totals->lanes[job->lane].running++;
                totals->lanes[job->lane].running_since_sum += job->start;
            }
        }
    }
    totals->untracked = LW_LOAD(lw_job_untracked);
    totals->slots = used;
}

void lw_jobs_read(struct lw_job_totals *totals, int begin_generation) {
    uint64_t most = (uint64_t)(READING_NANOSECONDS_MOST / lw_jobs_tick_nanoseconds());
    for (int readings = 0; readings < READINGS_MOST; readings++) {
        uint64_t begin = lw_jobs_tick();
        read_once(totals);
        if (lw_jobs_tick() - begin <= most) break;
    }
    if (begin_generation) LW_STORE(lw_job_settings.generation, LW_LOAD(lw_job_settings.generation) + 1);
}

void lw_jobs_read_distributions(struct lw_job_distributions *distributions) {
    memset(distributions, 0, sizeof(*distributions));
    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    for (uint32_t index = 0; index < used; index++) {
        const struct lw_job_slot *slot = &lw_job_slots[index];
        if (atomic_load_explicit(&slot->epoch, memory_order_acquire) != epoch) continue;
        for (int group = 0; group < LW_JOB_GROUPS; group++) {
            // Before the totals, which are never less.
            for (int bucket = 1; bucket <= LW_JOB_EDGES; bucket++) {
                uint64_t waits = LW_LOAD(slot->wait_buckets[group][bucket]);
                uint64_t runs = LW_LOAD(slot->run_buckets[group][bucket]);
                distributions->wait[group][bucket] += waits;
                distributions->run[group][bucket] += runs;
                distributions->wait[group][0] -= waits;
                distributions->run[group][0] -= runs;
            }
        }
        atomic_thread_fence(memory_order_acquire);
        for (int lane = 0; lane < LW_JOB_LANES; lane++) {
            distributions->wait[lw_job_groups[lane]][0] += LW_LOAD(slot->started[lane]);
            distributions->run[lw_job_groups[lane]][0] += LW_LOAD(slot->ended[lane]);
        }
        for (int kind = 0; kind < LW_JOB_KINDS; kind++) distributions->kinds[kind] += LW_LOAD(slot->kinds[kind]);
    }
}

size_t lw_jobs_running(struct lw_job *jobs, size_t capacity) {
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    size_t count = 0;
    for (uint32_t index = 0; index < used && count < capacity; index++) {
        struct lw_job running[RUNNING_MOST];
        size_t found = read_running(index, running);
        for (size_t job = 0; job < found && count < capacity; job++) jobs[count++] = running[job];
    }
    return count;
}

uint64_t lw_jobs_started(uint32_t lane) {
    uint64_t started = 0;
    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    for (uint32_t index = 0; index < used && lane < LW_JOB_LANES; index++) {
        if (atomic_load_explicit(&lw_job_slots[index].epoch, memory_order_acquire) != epoch) continue;
        started += LW_LOAD(lw_job_slots[index].started[lane]);
    }
    return started;
}

int lw_jobs_is_running(uint32_t index, uint64_t start) {
    if (lw_job_is_innermost(index, start)) return 1;
    if (index >= LW_JOB_SLOTS_MAX) return 0;
    const struct lw_job_slot *slot = &lw_job_slots[index];
    for (uint32_t outer = LW_LOAD(slot->outer_used); outer > 0; outer--) {
        if (LW_LOAD(slot->outer[outer - 1].start) == start) return 1;
    }
    return 0;
}

int lw_job_is_innermost(uint32_t slot, uint64_t start) {
    return slot < LW_JOB_SLOTS_MAX &&
           atomic_load_explicit(&lw_job_slots[slot].job.start, memory_order_acquire) == start;
}

int lw_jobs_current(struct lw_job *job) {
    const struct lw_job_slot *slot = lw_job_slot_own;
    return slot != NULL && read_job((uint32_t)(slot - lw_job_slots), &slot->job, job);
}

size_t lw_jobs_ended(uint64_t *cursors, struct lw_job *jobs, size_t capacity, uint64_t *lost) {
    uint32_t used = atomic_load_explicit(&lw_job_slots_used, memory_order_acquire);
    size_t count = 0;
    for (uint32_t index = 0; index < used; index++) {
        const struct lw_job_slot *slot = &lw_job_slots[index];
        uint64_t ended = atomic_load_explicit(&slot->long_count, memory_order_acquire);
        if (ended - cursors[index] > LW_JOB_LONG_MAX) {
            *lost += ended - cursors[index] - LW_JOB_LONG_MAX;
            cursors[index] = ended - LW_JOB_LONG_MAX;
        }
        for (; cursors[index] < ended && count < capacity; cursors[index]++) {
            const struct lw_long_job *entry = &slot->long_jobs[cursors[index] % LW_JOB_LONG_MAX];
            struct lw_job *job = &jobs[count];
            memset(job, 0, sizeof(*job));
            job->start = atomic_load_explicit(&entry->start, memory_order_acquire);
            job->slot = index;
            job->thread = LW_LOAD(slot->thread);
            job->end = LW_LOAD(entry->end);
            job->enqueued = LW_LOAD(entry->enqueued);
            job->task = LW_LOAD(entry->task);
            read_description(LW_LOAD(entry->flags), LW_LOAD(entry->lane), job);
            read_name(entry->name, job->name);
            atomic_thread_fence(memory_order_acquire);
            // Written over meanwhile: it is one of those that are lost.
            int is_whole = LW_LOAD(entry->start) == job->start && job->start != 0 &&
                           LW_LOAD(slot->long_count) - cursors[index] <= LW_JOB_LONG_MAX;
            if (is_whole) count++;
            else ++*lost;
        }
    }
    return count;
}
