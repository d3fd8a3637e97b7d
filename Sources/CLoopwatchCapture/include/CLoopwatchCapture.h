// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_CAPTURE_H
#define CLOOPWATCH_CAPTURE_H

#include <stdint.h>

/// Most frames of a loop that are noted.
#define LW_LOOP_FRAMES_MAX 16

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

/// Address of Swift's `swift_job_run`, in which executors run jobs; 0 where the program has no concurrency runtime. It is C
/// because Swift does not declare it.
uintptr_t lw_swift_job_run(void);

/// General registers that the handler copies: those that DWARF numbers, in its order, the program counter last.
#if defined(__x86_64__)
#define LW_CAPTURE_REGISTERS 17
#elif defined(__aarch64__)
#define LW_CAPTURE_REGISTERS 33
#else
#error "CLoopwatchCapture knows the registers of x86-64 and arm64 only"
#endif

/// Most bytes of stack that the handler copies, upwards from the stack pointer.
#define LW_CAPTURE_STACK_BYTES_MAX (128 * 1024)

/// Most captures by signal that can be under way in a process; each watch in it has one or more to itself. Of the memory
/// for them only what is used is ever there.
#define LW_CAPTURE_SLOTS 32

/// What the handler copied of the thread that it interrupted.
struct lw_capture_slot {
    /// The registers, as they were where the thread was interrupted.
    uint64_t registers[LW_CAPTURE_REGISTERS];
    /// Where the copied stack begins: the stack pointer.
    uint64_t stack_address;
    /// Bytes of stack that were copied; 0 where it could not be read.
    uint64_t stack_bytes;
    /// For how long the handler held the thread, in nanoseconds.
    uint64_t duration_ns;
};

/// How far a capture by signal has come.
enum lw_capture_phase {
    /// Nobody waits for anything.
    LW_CAPTURE_IDLE = 0,
    /// The next signal that carries the slot's token fills the slot.
    LW_CAPTURE_ARMED = 1,
    /// The handler is filling the slot.
    LW_CAPTURE_WRITING = 2,
    /// The slot is full, and nobody writes to it until it is armed again.
    LW_CAPTURE_READY = 3,
};

/// The signal handler: copies registers and stack of the thread that it interrupted, if the signal carries the token of
/// a slot that is armed. Any other signal it leaves without effect: a stray one, one that comes late, one of someone
/// else's timer.
///
/// It takes no lock, allocates nothing, never waits, keeps errno, and cannot fault. It is C because Swift code may
/// allocate or take a lock wherever the compiler likes. `information` is a siginfo_t: to name it here would have every file
/// that uses signals import this module.
void lw_capture_from_handler(int signal_number, void *_Nullable information, void *_Nullable context);

/// The contents of a slot; only to be read while its phase is LW_CAPTURE_READY. `slot` is below LW_CAPTURE_SLOTS.
const struct lw_capture_slot *_Nonnull lw_capture_contents(unsigned slot);

/// The copied stack of a slot, under the same conditions; apart, because Swift does not import an array of this size.
const uint8_t *_Nonnull lw_capture_stack(unsigned slot);

/// Makes a slot ready to be filled once; returns the token that the signal has to carry, 0 if a handler still writes to
/// the slot. Only the slot's owner may call it.
uint64_t lw_capture_arm(unsigned slot);

/// Waits until the slot is full, for at most `timeout_ns`; returns the phase it has then. Only for the slot's owner.
enum lw_capture_phase lw_capture_wait(unsigned slot, int64_t timeout_ns);

/// Takes back what lw_capture_arm() allowed, unless the handler has begun; returns the phase it has then, which is
/// LW_CAPTURE_IDLE where a signal that comes late finds nothing to do. Only for the slot's owner.
enum lw_capture_phase lw_capture_withdraw(unsigned slot);

#endif
