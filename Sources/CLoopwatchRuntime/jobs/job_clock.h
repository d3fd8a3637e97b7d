// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef LOOPWATCH_JOB_CLOCK_H
#define LOOPWATCH_JOB_CLOCK_H

#include "job_layout.h"
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// Whether ticks are the processor's; decided once, before anything is installed.
extern int lw_job_clock_is_counter;

static inline uint64_t lw_job_monotonic_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// The same, out of the way of what has the counter.
LW_RARE uint64_t lw_job_tick_of_clock(void);

/// Three readings a job: 10 ns each by the counter, 25 by the system's clock.
static inline uint64_t lw_job_tick(void) {
#if defined(__x86_64__)
    if (__builtin_expect(lw_job_clock_is_counter, 1)) return __rdtsc();
#endif
    return lw_job_tick_of_clock();
}

#endif
