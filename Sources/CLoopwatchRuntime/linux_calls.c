// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

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
