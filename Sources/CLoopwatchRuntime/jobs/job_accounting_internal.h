// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef LOOPWATCH_JOB_ACCOUNTING_INTERNAL_H
#define LOOPWATCH_JOB_ACCOUNTING_INTERNAL_H

#include "job_accounting.h"
#include "job_layout.h"
#include <stdatomic.h>

/// What the functions on the host's threads read at every job: written while nothing is installed, or atomically.
struct lw_job_settings {
    _Atomic(lw_enqueue_function) original_enqueue;
    _Atomic(lw_invoke_function) original_invoke;
    /// The installation, as stamps bear it; 0 as long as there was none.
    _Atomic uint32_t epoch;
    _Atomic uint32_t generation;
    _Atomic uint64_t long_ticks;
    _Atomic int notes_names;
    /// Only the lowest LW_JOB_EDGES are ever compared with.
    _Atomic uint64_t edges[LW_JOB_EDGES];
};
extern struct lw_job_settings lw_job_settings;

/// What the runtime's kinds of jobs are called here, and which group a lane belongs to.
extern const uint8_t lw_job_kinds[256];
extern const uint8_t lw_job_groups[LW_JOB_LANES];

/// Takes the place of the runtime's function that hands a job to Dispatch.
__attribute__((hot)) void lw_job_enqueue(void *queue, void *job, unsigned qos);

/// Takes the place of the entry of the job classes by which Dispatch runs a job.
__attribute__((hot)) void lw_job_invoke(void *job, void *unused, uint32_t flags);

/// Notes that a job is enqueued, where only hooks tell.
void lw_job_stamp_by_hook(void *job, int is_main);

/// Counts a job that is enqueued, and nothing more.
void lw_job_count_by_hook(void *job);

/// Notes that a probe was seen to be enqueued.
LW_RARE void lw_job_probe_is_enqueued(void);

/// The current task of a slot's thread, by a copy; 0 where it has none, or that is not known.
uintptr_t lw_job_current_task(uint32_t slot);

/// The words to exchange, once they have been found.
struct lw_job_words {
    void **job_metadata;
    void **task_metadata;
    lw_enqueue_function *enqueue;
};

/// Finds the word through which jobs are handed to Dispatch; NULL if nothing is as expected.
lw_enqueue_function *lw_job_find_enqueue_word(void);

#endif
