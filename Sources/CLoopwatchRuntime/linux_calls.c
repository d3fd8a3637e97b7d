// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

int lw_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int lw_wait_readable(int descriptor, int64_t timeout_ns) {
    struct pollfd entry = {.fd = descriptor, .events = POLLIN, .revents = 0};
    if (timeout_ns < 0) return ppoll(&entry, 1, NULL, NULL);
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    return ppoll(&entry, 1, &timeout, NULL);
}

void lw_set_thread_name(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof(cut) - 1);
    cut[sizeof(cut) - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

ptrdiff_t lw_read_memory(uintptr_t address, void *destination, size_t count) {
    struct iovec local = {.iov_base = destination, .iov_len = count};
    struct iovec remote = {.iov_base = (void *)address, .iov_len = count};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

_Static_assert(sizeof(struct lw_affinity) >= sizeof(cpu_set_t), "lw_affinity holds what the C library's functions write");

int lw_visit_processor(int processor, struct lw_affinity *saved) {
    cpu_set_t *allowed = (cpu_set_t *)saved->words;
    if (processor < 0 || processor >= CPU_SETSIZE) return -1;
    if (sched_getaffinity(0, sizeof(*allowed), allowed) != 0 || !CPU_ISSET(processor, allowed)) return -1;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return sched_setaffinity(0, sizeof(one), &one);
}

void lw_leave_processor(const struct lw_affinity *saved) {
    sched_setaffinity(0, sizeof(cpu_set_t), (const cpu_set_t *)saved->words);
}

char **lw_environment(void) { return environ; }
