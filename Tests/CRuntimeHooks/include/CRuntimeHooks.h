// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CRUNTIMEHOOKS_H
#define CRUNTIMEHOOKS_H

#include <stdint.h>

// For tests alone: what a host may do to the concurrency runtime, and what accounting does to it.
//
// C, because the runtime's hooks and words are no Swift declarations, and fork(2) cannot be called from Swift.

/// Words of the runtime that accounting exchanges: what it hands jobs to Dispatch with, the entries of the two classes of
/// jobs, and the hooks.
struct hooks_words {
    uintptr_t enqueue, job_entry, task_entry, hook, main_hook;
};

/// Reads the words as they are now.
struct hooks_words hooks_read_words(void);

/// Sets the hook of the global executor to one that counts, and calls the runtime's own function.
void hooks_set_counting(void);

/// Jobs that this hook has counted.
uint64_t hooks_counted(void);

/// Sets the hook of the global executor to one that calls the one that was there before; once only.
void hooks_set_chaining(void);

/// Sets the hook of the global executor to one that runs all jobs on a serial Dispatch queue of its own, as embedders do that
/// bring their own threads.
void hooks_set_redispatching(void);

/// Takes the hook away.
void hooks_clear(void);

/// Makes the metadata of jobs look as that of no known runtime; nothing reads what is changed.
void hooks_disguise_metadata(void);

/// Puts the runtime's own entry into the classes of jobs, as somebody else would who exchanges it too. `entry` is what it
/// was at first.
void hooks_set_entry(uintptr_t entry);

/// Runs a job on the calling thread the way Dispatch does, within whatever runs there already.
void hooks_run_nested(void *_Nonnull job);

/// Forks, has the child exit the usual way, and returns what waitpid(2) tells of it; -1 where it failed, or the child
/// did not end within 10 s, when it is killed.
int hooks_fork_and_exit(void);

/// Ends the calling thread and nothing else, without any of what a thread does at its end.
void hooks_end_thread(void) __attribute__((noreturn));

#endif
