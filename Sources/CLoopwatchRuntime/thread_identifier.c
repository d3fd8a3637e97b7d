// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

// initial-exec: an access is one instruction and can never allocate, not even the first on a thread.
static __thread int32_t remembered __attribute__((tls_model("initial-exec")));

// A forked child has one thread, with another number.
static void forget_after_fork(void) { remembered = 0; }

__attribute__((constructor)) static void register_fork_handler(void) {
    pthread_atfork(NULL, NULL, forget_after_fork);
}

int32_t lw_gettid(void) {
    if (remembered == 0) remembered = (int32_t)syscall(SYS_gettid);
    return remembered;
}
