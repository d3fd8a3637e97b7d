// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CLoopwatchCapture.h"

#define LINK_BYTES_MAX (16 * 1024)

// Swift marks the frame pointer that an asynchronous function saves (SwiftAsyncContext in swift/docs/ABI, bit 60).
#define ASYNC_FRAME_BIT ((uintptr_t)1 << 60)

__attribute__((noinline)) void lw_note_loop_frames(struct lw_loop_frames *frames) {
    frames->count = 0;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    while (frames->count < LW_LOOP_FRAMES_MAX) {
        uintptr_t saved = ((const uintptr_t *)here)[0];
        uintptr_t return_address = ((const uintptr_t *)here)[1];
        frames->address[frames->count] = here;
        frames->saved[frames->count] = saved;
        frames->return_address[frames->count] = return_address;
        frames->count += 1;
        saved &= ~ASYNC_FRAME_BIT;
        if (saved % sizeof(uintptr_t) != 0 || saved <= here || saved - here > LINK_BYTES_MAX) return;
        here = saved;
    }
}

// Weak: a program need not have the concurrency runtime.
extern void swift_job_run(void *job, void *identity, void *implementation) __attribute__((weak));

uintptr_t lw_swift_job_run(void) { return (uintptr_t)swift_job_run; }
