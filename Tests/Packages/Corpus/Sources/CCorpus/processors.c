// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "CCorpus.h"

#include <sched.h>
#include <sys/syscall.h>
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

int corpus_request_slice(int64_t nanoseconds) {
    // struct sched_attr in its first version: size, policy, flags, nice, priority, runtime, deadline, period.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48, .policy = SCHED_OTHER, .runtime = (uint64_t)nanoseconds};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
