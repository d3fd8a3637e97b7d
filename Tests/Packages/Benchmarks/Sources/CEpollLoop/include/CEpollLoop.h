// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CEPOLL_LOOP_H
#define CEPOLL_LOOP_H

#include <stdint.h>

/// Creates an epoll descriptor with an eventfd in it; returns the epoll descriptor and stores the eventfd.
int epoll_loop_create(int *_Nonnull eventfd_descriptor);
/// Waits for work as an event loop does, and takes the wake-up.
void epoll_loop_wait(int epoll_descriptor, int eventfd_descriptor);
/// Wakes the loop.
void epoll_loop_wake(int eventfd_descriptor);
/// The kernel's number of the calling thread.
int epoll_loop_thread(void);
/// Makes standard output line-buffered, so that a pipe shows what is printed at once.
void epoll_loop_line_buffered_output(void);

#endif
