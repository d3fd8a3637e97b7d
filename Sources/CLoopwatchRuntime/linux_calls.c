// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int lw_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int lw_signalfd(int signal) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, signal);
    return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

int lw_wait_readable(int first, int second, int64_t timeout_ns) {
    struct pollfd entries[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    int ready = ppoll(entries, second < 0 ? 1 : 2, timeout_ns < 0 ? NULL : &timeout, NULL);
    return ready < 0 ? -1 : (entries[0].revents ? 1 : 0) | (entries[1].revents ? 2 : 0);
}

int lw_wait_set(int first, int second) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) return -1;
    struct epoll_event one = {.events = EPOLLIN, .data.u32 = 1};
    struct epoll_event other = {.events = EPOLLIN, .data.u32 = 2};
    if (epoll_ctl(set, EPOLL_CTL_ADD, first, &one) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, second, &other) == 0) return set;
    int error = errno;
    close(set);
    errno = error;
    return -1;
}

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

int lw_wait_readable_in(int set, int64_t timeout_ns) {
    struct epoll_event events[2];
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long ready = syscall(SYS_epoll_pwait2, set, events, 2, timeout_ns < 0 ? NULL : &timeout, NULL, (size_t)8);
    if (ready < 0) return -1;
    int result = 0;
    for (long index = 0; index < ready; index += 1) result |= (int)events[index].data.u32;
    return result;
}

void lw_set_thread_name(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof(cut) - 1);
    cut[sizeof(cut) - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

#ifndef SCHED_FLAG_RESET_ON_FORK
#define SCHED_FLAG_RESET_ON_FORK 0x01
#endif

// struct sched_attr of sched_setattr(2), as its first version has it; not every C library declares it.
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

_Static_assert(sizeof(struct scheduling) == 48, "SCHED_ATTR_SIZE_VER0");

int lw_request_turns(int64_t slice_ns, int nice) {
    struct scheduling wanted = {.size = sizeof(wanted)};
    if (syscall(SYS_sched_getattr, 0, &wanted, sizeof(wanted), 0) != 0) return -1;
    if (wanted.policy != SCHED_OTHER) return 0;
    if (nice < 0 && wanted.nice > 0) {
        errno = EALREADY;
        return -1;
    }
    wanted.size = sizeof(wanted);
    wanted.runtime = (uint64_t)slice_ns;
    wanted.flags |= SCHED_FLAG_RESET_ON_FORK;
    if (nice < 0 && nice < wanted.nice) wanted.nice = nice;
    return (int)syscall(SYS_sched_setattr, 0, &wanted, 0);
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
