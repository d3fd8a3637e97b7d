// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "job_clock.h"
#include "job_accounting.h"
#include <pthread.h>

int lw_job_clock_is_counter;

static double nanoseconds_of_tick = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_counter_allowed;

// Long enough that reading the two clocks one after the other is off by 0.002 %.
#define MEASURED_NANOSECONDS 2000000

static void measure(void) {
#if defined(__x86_64__)
    if (!is_counter_allowed) return;
    uint64_t began = lw_job_monotonic_nanoseconds();
    uint64_t first = __rdtsc();
    uint64_t now;
    do {
        now = lw_job_monotonic_nanoseconds();
    } while (now - began < MEASURED_NANOSECONDS);
    uint64_t ticks = __rdtsc() - first;
    if (ticks == 0) return;
    nanoseconds_of_tick = (double)(now - began) / (double)ticks;
    lw_job_clock_is_counter = 1;
#endif
}

void lw_jobs_prepare_clock(int may_use_counter) {
    is_counter_allowed = may_use_counter;
    pthread_once(&once, measure);
}

uint64_t lw_job_tick_of_clock(void) { return lw_job_monotonic_nanoseconds(); }

uint64_t lw_jobs_tick(void) { return lw_job_tick(); }

double lw_jobs_tick_nanoseconds(void) { return nanoseconds_of_tick; }
