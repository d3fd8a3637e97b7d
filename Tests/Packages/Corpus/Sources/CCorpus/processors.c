// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "CCorpus.h"

#include <sched.h>
#include <unistd.h>

int corpus_thread(void) {
    return gettid();
}

int corpus_bind_thread(int thread, int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(thread, sizeof set, &set);
}

int corpus_leave_processor(int processor) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    CPU_CLR(processor, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

int corpus_outrank(int processor) {
    struct sched_param parameters = {.sched_priority = 1};
    if (corpus_bind_thread(0, processor) != 0) return -1;
    return sched_setscheduler(0, SCHED_FIFO, &parameters);
}
