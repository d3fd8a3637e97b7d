// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CCorpus.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

__attribute__((noinline)) int corpus_wait_upstream(int file, int milliseconds) {
    struct epoll_event event = {.events = EPOLLIN};
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) return -1;
    int result = epoll_ctl(poller, EPOLL_CTL_ADD, file, &event);
    if (result == 0) result = epoll_wait(poller, &event, 1, milliseconds);
    int code = errno;
    close(poller);
    errno = code;
    return result;
}

__attribute__((noinline)) int corpus_drive_upstream(int file, int milliseconds) {
    return corpus_wait_upstream(file, milliseconds) * 2;
}
