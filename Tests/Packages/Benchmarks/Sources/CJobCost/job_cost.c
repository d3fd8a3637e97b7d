// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CJobCost.h"
// Not for hosts: the functions that run for each job are no part of the library's interface.
#include "../../../../../Sources/CLoopwatchRuntime/jobs/job_accounting_internal.h"
#include <stddef.h>
#include <time.h>

static void enqueue_nothing(void *queue, void *job, unsigned qos) {
    (void)queue;
    (void)job;
    (void)qos;
}

static void invoke_nothing(void *job, void *unused, uint32_t flags) {
    (void)job;
    (void)unused;
    (void)flags;
}

static double nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/// As much of a task as is read of it: its number lies at 0x24 and 0x90.
static union {
    struct lw_runtime_job job;
    char bytes[512];
} task;

double job_cost_nanoseconds(uint32_t jobs) {
    lw_jobs_prepare_clock(1);
    atomic_store(&lw_job_settings.original_enqueue, enqueue_nothing);
    atomic_store(&lw_job_settings.original_invoke, invoke_nothing);
    atomic_store(&lw_job_settings.long_ticks, UINT64_MAX);
    for (int edge = 0; edge < LW_JOB_EDGES; edge++) atomic_store(&lw_job_settings.edges[edge], UINT64_MAX);
    if (atomic_load(&lw_job_settings.epoch) == 0) atomic_store(&lw_job_settings.epoch, LW_STAMP_MARK);
    atomic_store(&task.job.scheduler_private[1], LW_GLOBAL_EXECUTOR_QUEUE);
    atomic_store(&task.job.flags, LW_RUNTIME_KIND_TASK | 0x15 << 8);
    double began = nanoseconds();
    for (uint32_t number = 0; number < jobs; number++) {
        lw_job_enqueue(NULL, &task, 0x15);
        lw_job_invoke(&task, NULL, 0);
    }
    return (nanoseconds() - began) / jobs;
}
