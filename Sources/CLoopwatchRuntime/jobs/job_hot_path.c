// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// What runs for every job of the process, on the thread that enqueues or runs it: no lock, no allocation, no system call.

#include "job_accounting_internal.h"
#include "job_clock.h"
#include "job_slots.h"
#include <stddef.h>
#include <string.h>

struct lw_job_settings lw_job_settings;

struct dispatch_queue_s;
extern struct dispatch_queue_s _dispatch_main_q;
extern LW_SWIFT_CALL uint64_t swift_task_getJobTaskId(void *job);

// Every so many jobs that a thread enqueues it is counted how many wait, so that a peak between two looks is not missed.
#define JOBS_BETWEEN_DEPTHS 256

// Priorities are those of Dispatch's classes of service (swift/stdlib/public/Concurrency/TaskPriority).
static const uint8_t lanes_of_priorities[256] = {
    [0x09] = LW_LANE_BACKGROUND,  [0x11] = LW_LANE_UTILITY,     [0x15] = LW_LANE_DEFAULT,
    [0x19] = LW_LANE_INITIATED,   [0x21] = LW_LANE_INTERACTIVE,
};
const uint8_t lw_job_groups[LW_JOB_LANES] = {0, 0, 0, 0, 0, 0, 1, 2};
const uint8_t lw_job_kinds[256] = {
    [LW_RUNTIME_KIND_TASK] = LW_KIND_TASK,
    [LW_RUNTIME_KIND_TASK + 1 ... LW_RUNTIME_KIND_ACTOR_FIRST - 1] = LW_KIND_OTHER,
    [LW_RUNTIME_KIND_ACTOR_FIRST ... LW_RUNTIME_KIND_ACTOR_LAST] = LW_KIND_ACTOR,
    [LW_RUNTIME_KIND_CONTINUATION] = LW_KIND_CONTINUATION,
    [LW_RUNTIME_KIND_CONTINUATION + 1 ... 255] = LW_KIND_OTHER,
};

static inline unsigned lane_of(const struct lw_runtime_job *job, uint32_t flags) {
    uintptr_t queue = LW_LOAD(job->scheduler_private[1]);
    if (__builtin_expect(queue == LW_GLOBAL_EXECUTOR_QUEUE, 1)) return lanes_of_priorities[LW_JOB_FLAGS_PRIORITY(flags)];
    return queue == (uintptr_t)&_dispatch_main_q ? LW_LANE_MAIN : LW_LANE_QUEUE;
}

static LW_RARE void note_in_buckets(
    _Atomic uint64_t (*buckets)[LW_JOB_EDGES + 1], unsigned lane, uint64_t ticks) {
    unsigned bucket = 1;
    while (bucket < LW_JOB_EDGES && ticks > LW_LOAD(lw_job_settings.edges[bucket])) bucket++;
    LW_ADD(buckets[lw_job_groups[lane]][bucket], 1);
}

static LW_RARE void note_depth(struct lw_job_slot *slot, unsigned lane) {
    uint64_t started = 0, enqueued = 0;
    uint32_t epoch = LW_LOAD(slot->epoch);
    uint32_t used = LW_LOAD(lw_job_slots_used);
    for (uint32_t index = 0; index < used; index++) {
        if (LW_LOAD(lw_job_slots[index].epoch) != epoch) continue;
        enqueued += LW_LOAD(lw_job_slots[index].enqueued_count[lane]);
    }
    // In this order: whatever happens between the two, even if the thread does not run for long, so many did wait.
    atomic_thread_fence(memory_order_acquire);
    for (uint32_t index = 0; index < used; index++) {
        if (LW_LOAD(lw_job_slots[index].epoch) != epoch) continue;
        started += LW_LOAD(lw_job_slots[index].started[lane]);
    }
    int64_t depth = (int64_t)(enqueued - started);
    if (depth > 0 && (uint64_t)depth > LW_LOAD(slot->depth_max[lane])) LW_STORE(slot->depth_max[lane], (uint64_t)depth);
}

static inline void stamp(struct lw_job_slot *slot, struct lw_runtime_job *job, unsigned lane) {
    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    if (__builtin_expect(LW_LOAD(slot->epoch) != epoch, 0)) lw_job_slot_reset(slot, epoch);
    uint64_t now = lw_job_tick();
    uint64_t time = now << (64 - LW_STAMP_TIME_BITS) >> (64 - LW_STAMP_TIME_BITS);
    LW_STORE(job->scheduler_private[0], (uintptr_t)((uint64_t)(epoch | lane) << LW_STAMP_TIME_BITS | time));
    uint32_t generation = LW_LOAD(lw_job_settings.generation);
    if (__builtin_expect(LW_LOAD(slot->generation[lane]) != generation, 0)) {
        LW_STORE(slot->first_enqueued[lane], now);
        LW_STORE(slot->generation[lane], generation);
    }
    LW_ADD(slot->enqueued_at_sum[lane], now);
    uint64_t count = LW_LOAD(slot->enqueued_count[lane]) + 1;
    // Released with the job: who sees it run sees it counted.
    atomic_store_explicit(&slot->enqueued_count[lane], count, memory_order_release);
    if (__builtin_expect(count % JOBS_BETWEEN_DEPTHS == 0, 0)) note_depth(slot, lane);
}

void lw_job_enqueue(void *queue, void *object, unsigned qos) {
    struct lw_runtime_job *job = object;
    uint32_t flags = LW_LOAD(job->flags);
    struct lw_job_slot *slot = lw_job_slot_of_thread();
    if (__builtin_expect(LW_JOB_FLAGS_KIND(flags) == LW_RUNTIME_KIND_PROBE, 0)) lw_job_probe_is_enqueued();
    else if (__builtin_expect(slot != NULL, 1)) stamp(slot, job, lane_of(job, flags));
    lw_enqueue_function original =
        atomic_load_explicit(&lw_job_settings.original_enqueue, memory_order_acquire);
    original(queue, object, qos);
}

void lw_job_stamp_by_hook(void *object, int is_main) {
    struct lw_runtime_job *job = object;
    uint32_t flags = LW_LOAD(job->flags);
    struct lw_job_slot *slot = lw_job_slot_of_thread();
    if (LW_JOB_FLAGS_KIND(flags) == LW_RUNTIME_KIND_PROBE) return lw_job_probe_is_enqueued();
    // Which queue it will wait in is not written yet.
    unsigned lane = is_main ? LW_LANE_MAIN : lanes_of_priorities[LW_JOB_FLAGS_PRIORITY(flags)];
    if (slot != NULL) stamp(slot, job, lane);
}

void lw_job_count_by_hook(void *object) {
    struct lw_runtime_job *job = object;
    if (LW_JOB_FLAGS_KIND(LW_LOAD(job->flags)) == LW_RUNTIME_KIND_PROBE) return lw_job_probe_is_enqueued();
    struct lw_job_slot *slot = lw_job_slot_of_thread();
    if (slot == NULL) return;
    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    if (LW_LOAD(slot->epoch) != epoch) lw_job_slot_reset(slot, epoch);
    LW_ADD(slot->enqueued_count[lanes_of_priorities[LW_JOB_FLAGS_PRIORITY(LW_LOAD(job->flags))]], 1);
}

/// A job within which another runs on the same thread, as when a job runs the main queue.
struct outer_job {
    uint64_t start, enqueued, task;
    uint64_t name[LW_NAME_WORDS];
    uint32_t flags, lane;
};

static LW_RARE void set_aside(struct lw_job_slot *slot, struct outer_job *outer) {
    outer->enqueued = LW_LOAD(slot->job.enqueued);
    outer->task = LW_LOAD(slot->job.task);
    outer->flags = LW_LOAD(slot->job.flags);
    outer->lane = LW_LOAD(slot->job.lane);
    for (int word = 0; word < LW_NAME_WORDS; word++) outer->name[word] = LW_LOAD(slot->job.name[word]);
    uint32_t depth = LW_LOAD(slot->depth);
    if (depth < LW_JOB_OUTER_MAX && LW_LOAD(slot->outer[depth].start) != outer->start) {
        struct lw_running_job *kept = &slot->outer[depth];
        LW_STORE(kept->enqueued, outer->enqueued);
        LW_STORE(kept->task, outer->task);
        LW_STORE(kept->flags, outer->flags);
        LW_STORE(kept->lane, outer->lane);
        for (int word = 0; word < LW_NAME_WORDS; word++) LW_STORE(kept->name[word], outer->name[word]);
        atomic_store_explicit(&kept->start, outer->start, memory_order_release);
        LW_STORE(slot->outer_used, depth + 1);
    }
    LW_STORE(slot->depth, depth + 1);
    // After it is kept: who sees it gone here finds it there.
    atomic_store_explicit(&slot->job.start, 0, memory_order_release);
}

static LW_RARE void take_up(struct lw_job_slot *slot, const struct outer_job *outer) {
    LW_STORE(slot->job.enqueued, outer->enqueued);
    LW_STORE(slot->job.task, outer->task);
    LW_STORE(slot->job.flags, outer->flags);
    LW_STORE(slot->job.lane, outer->lane);
    for (int word = 0; word < LW_NAME_WORDS; word++) LW_STORE(slot->job.name[word], outer->name[word]);
    LW_STORE(slot->depth, LW_LOAD(slot->depth) - 1);
    atomic_store_explicit(&slot->job.start, outer->start, memory_order_release);
}

/// Forgets a job that has ended and within which others have run.
static LW_RARE void forget_outer(struct lw_job_slot *slot, uint64_t start) {
    uint32_t last = LW_LOAD(slot->outer_used) - 1;
    // A job for which there was no room is not among them.
    if (LW_LOAD(slot->outer[last].start) != start) return;
    atomic_store_explicit(&slot->outer[last].start, 0, memory_order_release);
    LW_STORE(slot->outer_used, last);
}

// The task does not run yet, so its chain of records stands still.
static LW_RARE void note_name(
    struct lw_job_slot *slot, const struct lw_runtime_job *job, uint32_t flags) {
    if (!LW_LOAD(lw_job_settings.notes_names) || LW_JOB_FLAGS_KIND(flags) != LW_RUNTIME_KIND_TASK) return;
    uint64_t words[LW_NAME_WORDS] = {0};
    const char *record = *(const char *const *)((const char *)job + LW_TASK_RECORDS);
    for (int index = 0; record != NULL && index < LW_TASK_RECORDS_MAX; index++) {
        if (*(const uint8_t *)record == LW_RECORD_KIND_NAME) {
            const char *name = *(const char *const *)(record + LW_RECORD_NAME);
            if (name != NULL) memcpy(words, name, strnlen(name, LW_JOB_NAME_BYTES - 1));
            break;
        }
        record = *(const char *const *)(record + LW_RECORD_PARENT);
    }
    for (int word = 0; word < LW_NAME_WORDS; word++) LW_STORE(slot->job.name[word], words[word]);
}

static LW_RARE void note_long(struct lw_job_slot *slot, uint64_t start, uint64_t end) {
    uint64_t count = LW_LOAD(slot->long_count);
    struct lw_long_job *entry = &slot->long_jobs[count % LW_JOB_LONG_MAX];
    // A reader that finds the entry half written finds its start cleared, or the count moved on.
    atomic_store_explicit(&entry->start, 0, memory_order_release);
    atomic_thread_fence(memory_order_release);
    LW_STORE(entry->end, end);
    LW_STORE(entry->enqueued, LW_LOAD(slot->job.enqueued));
    LW_STORE(entry->task, LW_LOAD(slot->job.task));
    LW_STORE(entry->flags, LW_LOAD(slot->job.flags));
    LW_STORE(entry->lane, LW_LOAD(slot->job.lane));
    for (int word = 0; word < LW_NAME_WORDS; word++) LW_STORE(entry->name[word], LW_LOAD(slot->job.name[word]));
    atomic_store_explicit(&entry->start, start, memory_order_release);
    atomic_store_explicit(&slot->long_count, count + 1, memory_order_release);
}

void lw_job_invoke(void *object, void *unused, uint32_t invoke_flags) {
    struct lw_runtime_job *job = object;
    lw_invoke_function original =
        atomic_load_explicit(&lw_job_settings.original_invoke, memory_order_acquire);
    struct lw_job_slot *slot = lw_job_slot_of_thread();
    if (__builtin_expect(slot == NULL, 0)) return original(object, unused, invoke_flags);

    uint32_t epoch = LW_LOAD(lw_job_settings.epoch);
    if (__builtin_expect(LW_LOAD(slot->epoch) != epoch, 0)) lw_job_slot_reset(slot, epoch);
    uint32_t flags = LW_LOAD(job->flags);
    uint64_t task = 0;
    if (LW_JOB_FLAGS_KIND(flags) == LW_RUNTIME_KIND_TASK) task = swift_task_getJobTaskId(job);
    uint64_t start = lw_job_tick();
    uint64_t stamped = LW_LOAD(job->scheduler_private[0]);
    uint64_t enqueued = 0;
    // The lane that it waited in, where that is known: its priority may have been raised since.
    unsigned lane = stamped >> LW_STAMP_TIME_BITS & (LW_JOB_LANES - 1);
    if (__builtin_expect((stamped >> LW_STAMP_TIME_BITS) - lane == epoch, 1)) {
        LW_STORE(job->scheduler_private[0], 0);
        // The clocks of two processors may differ by a little, so that a job seems to start before it was enqueued.
        int64_t wait = (int64_t)((start - stamped) << (64 - LW_STAMP_TIME_BITS)) >> (64 - LW_STAMP_TIME_BITS);
        enqueued = start - (uint64_t)wait;
        if (__builtin_expect(wait < 0, 0)) wait = 0;
        LW_ADD(slot->started_enqueued_at_sum[lane], enqueued);
        LW_ADD(slot->wait[lane], (uint64_t)wait);
        if ((uint64_t)wait > LW_LOAD(lw_job_settings.edges[0])) note_in_buckets(slot->wait_buckets, lane, (uint64_t)wait);
        atomic_store_explicit(&slot->started[lane], LW_LOAD(slot->started[lane]) + 1, memory_order_release);
    } else {
        lane = lane_of(job, flags);
        LW_ADD(slot->unstamped, 1);
    }
    LW_STORE(slot->last_start[lane], start);
    LW_ADD(slot->kinds[lw_job_kinds[LW_JOB_FLAGS_KIND(flags)]], 1);

    struct outer_job outer;
    outer.start = LW_LOAD(slot->job.start);
    if (__builtin_expect(outer.start != 0, 0)) set_aside(slot, &outer);
    LW_STORE(slot->job.enqueued, enqueued);
    LW_STORE(slot->job.task, task);
    LW_STORE(slot->job.flags, flags);
    LW_STORE(slot->job.lane, lane);
    LW_STORE(slot->job.name[0], 0);
    if (__builtin_expect((flags & LW_JOB_FLAGS_HAS_NAME) != 0, 0)) note_name(slot, job, flags);
    // Last: who sees it sees the rest.
    atomic_store_explicit(&slot->job.start, start, memory_order_release);

    original(object, unused, invoke_flags);
    // The job may be gone, or wait again, or run on another thread: it is not touched any more.

    uint64_t end = lw_job_tick();
    uint64_t run = end - start;
    if (__builtin_expect((int64_t)run < 0, 0)) run = 0;
    // Not of a job that began before this installation: its beginning was not counted.
    if (__builtin_expect(LW_LOAD(slot->epoch) == epoch, 1)) {
        LW_ADD(slot->run[lane], run);
        LW_ADD(slot->ended[lane], 1);
        if (__builtin_expect(run > LW_LOAD(lw_job_settings.edges[0]), 0)) {
            note_in_buckets(slot->run_buckets, lane, run);
        }
    }
    if (__builtin_expect(run >= LW_LOAD(lw_job_settings.long_ticks), 0)) note_long(slot, start, end);
    // After what it is remembered by: who sees it gone finds that.
    atomic_store_explicit(&slot->job.start, 0, memory_order_release);
    if (__builtin_expect(LW_LOAD(slot->outer_used) != 0, 0)) forget_outer(slot, start);
    if (__builtin_expect(outer.start != 0, 0)) take_up(slot, &outer);
}
