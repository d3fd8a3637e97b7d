// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CEpollLoop.h"
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int epoll_loop_create(int *eventfd_descriptor) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    *eventfd_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, *eventfd_descriptor, &event);
    return epoll;
}

void epoll_loop_wait(int epoll_descriptor, int eventfd_descriptor) {
    struct epoll_event event;
    epoll_wait(epoll_descriptor, &event, 1, -1);
    eventfd_t value;
    eventfd_read(eventfd_descriptor, &value);
}

void epoll_loop_wake(int eventfd_descriptor) { eventfd_write(eventfd_descriptor, 1); }

int epoll_loop_thread(void) { return gettid(); }

void epoll_loop_line_buffered_output(void) { setlinebuf(stdout); }
