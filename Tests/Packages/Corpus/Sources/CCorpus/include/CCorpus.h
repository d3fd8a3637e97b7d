// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CCORPUS_H
#define CCORPUS_H

#include <stdint.h>

/// Lets the calling thread ask the resolver at a port of 127.0.0.1, once and for one second, and no other.
///
/// C, because the thread's resolver state (`_res`, resolver(3)) is a macro that Swift cannot import. No other way leads to
/// a port of one's own: neither resolv.conf nor the environment can name one.
///
/// Returns 0, or -1 where the thread has no resolver state.
int corpus_use_resolver(uint16_t port);

/// Gives the calling thread the resolver back that the system's configuration names.
void corpus_restore_resolver(void);

/// Waits for a descriptor by an epoll descriptor of its own: code of the host that is written in C, which the compiler
/// gives no frame pointers when it optimises.
///
/// Returns what epoll_wait(2) does, and -1 with errno when something before it failed.
int corpus_wait_upstream(int file, int milliseconds);

/// Waits by `corpus_wait_upstream`, and returns twice what it does.
int corpus_drive_upstream(int file, int milliseconds);

/// Mounts a file system that consists of one file, at the path of a file, and the requests of which come from `/dev/fuse`.
///
/// C, because linux/fuse.h and mount(2) are not imported into Swift. Returns 0, or -1 and errno.
int corpus_mount_slow_disk(int device, const char *_Nonnull path);

/// Takes it away from the path; what is open stays so. Returns 0, or -1 and errno.
int corpus_detach_slow_disk(const char *_Nonnull path);

/// Answers its requests, those to fsync after the length given, until it is not open any more.
void corpus_serve_slow_disk(int device, int64_t nanoseconds);

/// The calling thread's number, as Linux counts: gettid(2) is not imported into Swift.
int corpus_thread(void);

/// Binds a thread to one processor; 0 is the calling thread.
///
/// C, like the two below, because cpu_set_t and its macros are not imported into Swift. Returns 0, or -1 and errno.
int corpus_bind_thread(int thread, int processor);

/// Keeps the calling thread, and those that it starts, from one processor. Returns 0, or -1 and errno.
int corpus_leave_processor(int processor);

/// Asks for turns of the calling thread that are this short, in nanoseconds, and come sooner for it: sched_setattr(2), which is
/// not imported into Swift. Returns 0, or -1 and errno.
int corpus_request_slice(int64_t nanoseconds);

/// Binds the calling thread to one processor, and gives it real-time priority there. Returns 0, or -1 and errno.
int corpus_outrank(int processor);

#endif
