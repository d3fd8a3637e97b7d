// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// Tells each long iteration of each event loop of the process that it is loaded into with LD_PRELOAD: a line
// `ITERATION thread began ended` on standard error, in seconds of the monotonic clock. An iteration is from the return of one
// wait for events to the next wait of the same thread on the same descriptor: what a loop waits for in between on another
// descriptor, as Node does in execSync, is part of it: such a wait is passed on in a jump, so that it is in no stack.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const double iteration_seconds_least = 0.02;
// Of the descriptor that the thread has waited on first.
static __thread int own_descriptor = -1;
static __thread double returned;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void will_wait(void) {
    if (returned == 0) return;
    double ended = now();
    if (ended - returned < iteration_seconds_least) return;
    char line[128];
    int length = snprintf(line, sizeof line, "ITERATION %ld %.9f %.9f\n", syscall(SYS_gettid), returned, ended);
    // One write(2) of less than PIPE_BUF: it is not mixed with other lines.
    if (write(STDERR_FILENO, line, length) < 0) return;
}

static int has_waited(int result) {
    int error = errno;
    returned = now();
    errno = error;
    return result;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FOLLOW(name, descriptor, ...)                                                   \
    static __typeof__(&name) next;                                                      \
    if (!next) next = NEXT(name);                                                       \
    if (own_descriptor == -1) own_descriptor = descriptor;                              \
    if (descriptor != own_descriptor) return next(descriptor, __VA_ARGS__);             \
    will_wait();                                                                        \
    return has_waited(next(descriptor, __VA_ARGS__))

int epoll_wait(int descriptor, struct epoll_event *events, int most, int timeout) {
    FOLLOW(epoll_wait, descriptor, events, most, timeout);
}

int epoll_pwait(int descriptor, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
    FOLLOW(epoll_pwait, descriptor, events, most, timeout, mask);
}

int epoll_pwait2(
    int descriptor, struct epoll_event *events, int most, const struct timespec *timeout, const sigset_t *mask
) {
    FOLLOW(epoll_pwait2, descriptor, events, most, timeout, mask);
}
