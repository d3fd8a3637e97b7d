// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int lw_thread_timer_start(int32_t thread, int signal, uint64_t token) {
    struct sigevent event;
    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_value.sival_ptr = (void *)(uintptr_t)token;
    event.sigev_notify_thread_id = thread;
    // The kernel's encoding of "CPU clock of that thread" (CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED, posix-timers.h).
    clockid_t clock = (clockid_t)((~(uint32_t)thread << 3) | 6);
    int timer = -1;
    if (syscall(SYS_timer_create, clock, &event, &timer) != 0) return -1;
    // The shortest time there is: expired as soon as the thread runs, which the kernel looks at in each tick.
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    if (syscall(SYS_timer_settime, timer, 0, &soon, NULL) != 0) {
        syscall(SYS_timer_delete, timer);
        return -1;
    }
    return timer;
}

int lw_thread_timer_end(int timer) {
    struct itimerspec never = {{0, 0}, {0, 0}};
    struct itimerspec left = {{0, 0}, {0, 0}};
    // Time left means that it has not expired; disarmed, it cannot any more. A timer of a thread that ended has no time
    // left, and counts as expired.
    long result = syscall(SYS_timer_settime, timer, 0, &never, &left);
    syscall(SYS_timer_delete, timer);
    return result == 0 && (left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0) ? 0 : 1;
}
