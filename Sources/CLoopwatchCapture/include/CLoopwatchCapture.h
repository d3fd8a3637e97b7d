// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_CAPTURE_H
#define CLOOPWATCH_CAPTURE_H

#include <stdint.h>

/// Most frames of a loop that are noted.
#define LW_LOOP_FRAMES_MAX 8

/// The frames that stand above a job that a loop runs: those of the loop itself. They live for as long as the loop runs
/// jobs, and what changes in them from one job to the next tells many short jobs from one long one.
struct lw_loop_frames {
    uint32_t count;
    /// Address of each frame's saved frame pointer, innermost first; the word above it is the return address.
    uintptr_t address[LW_LOOP_FRAMES_MAX];
    /// The saved frame pointer in each.
    uintptr_t saved[LW_LOOP_FRAMES_MAX];
    /// The return address in each.
    uintptr_t return_address[LW_LOOP_FRAMES_MAX];
};

/// Notes the frames above the caller, by following frame pointers on the caller's own stack.
///
/// Runs on the watched loop, inside a beat: no allocation, no lock, no system call; async-signal-safe. Follows a link
/// only while it rises by less than 16 KiB, so that it stays on the stack it started on. It is C because Swift has no
/// way to learn its own frame address.
void lw_note_loop_frames(struct lw_loop_frames *_Nonnull frames);

#endif
