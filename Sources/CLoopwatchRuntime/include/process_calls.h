// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_PROCESS_CALLS_H
#define CLOOPWATCH_PROCESS_CALLS_H

#include <stddef.h>
#include <stdint.h>

/// Copies memory of another process; returns the number of bytes copied, which is less than `count` where memory ends
/// before, or -1 and errno: EFAULT where nothing is mapped, EPERM without the right to, ESRCH for one that is gone.
///
/// Provided because the Glibc module does not import process_vm_readv().
ptrdiff_t lw_read_process_memory(int32_t process, uint64_t address, void *_Nonnull destination, size_t count);

/// A piece of another process's memory.
struct lw_memory_piece {
    uint64_t address;
    size_t count;
};

/// Most pieces that are copied by one call.
#define LW_MEMORY_PIECES_MAX 512

/// Copies pieces of another process's memory, one after the other, in one call, so that little time passes between them;
/// returns the number of bytes copied, or -1 and errno.
ptrdiff_t lw_gather_process_memory(int32_t process, const struct lw_memory_piece *_Nonnull pieces, size_t piece_count,
                                   void *_Nonnull destination, size_t count);

/// Registers of a thread, in DWARF's order, the program counter last (x86-64: 17, arm64: 33).
#define LW_STOP_REGISTERS 33

/// What a thread that was stopped for a moment was at.
struct lw_thread_stop {
    uint64_t registers[LW_STOP_REGISTERS];
    uint32_t register_count;
    /// Whether the stop had cut a system call short, which was then made to begin again.
    uint32_t restarted_call;
    /// Whether it had cut one short that could not be.
    uint32_t interrupted_call;
    /// Bytes of its stack that were copied, from the stack pointer upwards.
    size_t stack_bytes;
    /// For how long the thread was held at most, in nanoseconds: from the request to stop on, also if it had no CPU then.
    uint64_t held_ns;
};

/// How an attempt to stop a thread ended.
enum lw_stop_outcome {
    LW_STOP_DONE = 0,
    /// It was not running when it was about to be stopped, and was left alone.
    LW_STOP_NOT_RUNNING = 1,
    /// It is gone.
    LW_STOP_GONE = 2,
    /// The system refused; errno.
    LW_STOP_REFUSED = 3,
};

/// Stops a thread of another process for as long as copying its registers and a piece of its stack takes.
///
/// `call_descriptor` is its /proc/PID/task/TID/syscall, which is read right before: a thread that is in a system call is
/// left alone, because the stop would end the call. One that enters a call in the microseconds between has it begun again
/// (x86-64). Should the caller die meanwhile, the kernel lets the thread go on (PTRACE_SEIZE without PTRACE_O_EXITKILL).
///
/// Provided because ptrace(2) takes a variable number of arguments, which Swift cannot pass, and because nothing that
/// may allocate is to run while another process is held.
enum lw_stop_outcome lw_stop_thread(int32_t process, int32_t thread, int call_descriptor, void *_Nonnull stack,
                                    size_t stack_capacity, struct lw_thread_stop *_Nonnull result);

/// Copies the registers and a piece of the stack of a thread that the calling thread traces and has stopped
/// (`lw_trace_interrupt`), and makes a system call that the stop has cut short begin again; returns 0, or -1 and errno.
///
/// `stack_capacity` may be 0. For how long the thread is held is not told here.
int lw_trace_copy(int32_t process, int32_t thread, void *_Nullable stack, size_t stack_capacity,
                  struct lw_thread_stop *_Nonnull result);

#endif
