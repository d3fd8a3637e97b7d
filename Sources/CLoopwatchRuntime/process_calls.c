// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

ptrdiff_t lw_read_process_memory(int32_t process, uint64_t address, void *destination, size_t count) {
    struct iovec local = {.iov_base = destination, .iov_len = count};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = count};
    return process_vm_readv(process, &local, 1, &remote, 1, 0);
}

ptrdiff_t lw_gather_process_memory(int32_t process, const struct lw_memory_piece *pieces, size_t piece_count,
                                   void *destination, size_t count) {
    struct iovec remote[LW_MEMORY_PIECES_MAX];
    if (piece_count > LW_MEMORY_PIECES_MAX) {
        errno = EINVAL;
        return -1;
    }
    for (size_t index = 0; index < piece_count; index += 1) {
        remote[index].iov_base = (void *)(uintptr_t)pieces[index].address;
        remote[index].iov_len = pieces[index].count;
    }
    struct iovec local = {.iov_base = destination, .iov_len = count};
    return process_vm_readv(process, &local, 1, remote, piece_count, 0);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int is_running(int call_descriptor) {
    char line[16];
    ssize_t count = pread(call_descriptor, line, sizeof(line), 0);
    return count >= 7 && memcmp(line, "running", 7) == 0;
}

// What a call returns to the kernel's own code that is to begin again, whatever the signal's handler says
// (include/linux/errno.h). Never seen by programs.
#define ERESTARTNOINTR 513

#if defined(__x86_64__)
// Headers of older kernels lack them.
#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

// Waiting signals that are looked at; more are taken for one that is not blocked.
#define PENDING_SIGNALS_MAX 16

// Whether the call blocks other signals than its thread does, as long as it lasts. What the thread blocks, which is what
// ptrace tells, says nothing of such a call.
static int has_signal_mask(const struct user_regs_struct *registers) {
    switch (registers->orig_rax) {
    case SYS_ppoll: return registers->r10 != 0;
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_io_uring_enter: return registers->r8 != 0;
    case SYS_pselect6: return registers->r9 != 0;
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait: return 1;
    default: return 0;
    }
}

static int has_signal(int32_t thread, unsigned flags, uint64_t blocked) {
    siginfo_t signals[PENDING_SIGNALS_MAX];
    struct __ptrace_peeksiginfo_args which = {.off = 0, .flags = flags, .nr = PENDING_SIGNALS_MAX};
    long count = ptrace(PTRACE_PEEKSIGINFO, thread, &which, signals);
    if (count < 0 || count == PENDING_SIGNALS_MAX) return 1;
    for (long index = 0; index < count; index += 1) {
        if ((blocked >> (signals[index].si_signo - 1) & 1) == 0) return 1;
    }
    return 0;
}

// Whether a signal waits for the thread or its process that the call may have been cut short by. One that is blocked,
// as those are that a program reads from a signalfd, ends no call.
static int has_pending_signal(int32_t thread, const struct user_regs_struct *registers) {
    uint64_t blocked = 0;
    if (!has_signal_mask(registers)
        && ptrace(PTRACE_GETSIGMASK, thread, (void *)sizeof(blocked), &blocked) != 0) {
        blocked = 0;
    }
    return has_signal(thread, 0, blocked) || has_signal(thread, PTRACE_PEEKSIGINFO_SHARED, blocked);
}

static void store(struct lw_thread_stop *result, const struct user_regs_struct *registers) {
    const uint64_t values[17] = {
        registers->rax, registers->rdx, registers->rcx, registers->rbx, registers->rsi, registers->rdi, registers->rbp,
        registers->rsp, registers->r8, registers->r9, registers->r10, registers->r11, registers->r12, registers->r13,
        registers->r14, registers->r15, registers->rip,
    };
    memcpy(result->registers, values, sizeof(values));
    result->register_count = 17;
}

static int copy_registers(int32_t thread, int signal, struct lw_thread_stop *result, uint64_t *stack_pointer) {
    struct user_regs_struct registers;
    struct iovec place = {.iov_base = &registers, .iov_len = sizeof(registers)};
    if (ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &place) != 0) return -1;
    store(result, &registers);
    *stack_pointer = registers.rsp;
    if ((int64_t)registers.orig_rax >= 0 && (int64_t)registers.rax == -EINTR) {
        // The thread had entered a call that the stop has ended, as it would any call that the kernel never restarts.
        registers.rax = (unsigned long long)-ERESTARTNOINTR;
        if (signal == 0 && !has_pending_signal(thread, &registers)
            && ptrace(PTRACE_SETREGSET, thread, (void *)NT_PRSTATUS, &place) == 0) {
            result->restarted_call = 1;
        } else {
            result->interrupted_call = 1;
        }
    }
    return 0;
}
#elif defined(__aarch64__)
// Not tested: no such machine was at hand. A call that was cut short is only counted.
static int copy_registers(int32_t thread, int signal, struct lw_thread_stop *result, uint64_t *stack_pointer) {
    (void)signal;
    struct user_regs_struct registers;
    struct iovec place = {.iov_base = &registers, .iov_len = sizeof(registers)};
    if (ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &place) != 0) return -1;
    memcpy(result->registers, registers.regs, sizeof(registers.regs));
    result->registers[31] = registers.sp;
    result->registers[32] = registers.pc;
    result->register_count = 33;
    *stack_pointer = registers.sp;
    result->interrupted_call = (int64_t)registers.regs[0] == -EINTR;
    return 0;
}
#endif

enum lw_stop_outcome lw_stop_thread(int32_t process, int32_t thread, int call_descriptor, void *stack,
                                    size_t stack_capacity, struct lw_thread_stop *result) {
    memset(result, 0, sizeof(*result));
    // Memory that was never touched would cost its page faults while the thread is held.
    memset(stack, 0, stack_capacity);
    if (!is_running(call_descriptor)) return LW_STOP_NOT_RUNNING;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) return errno == ESRCH ? LW_STOP_GONE : LW_STOP_REFUSED;
    uint64_t begin = now_ns();
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0) return LW_STOP_GONE;
    int status = 0;
    pid_t waited;
    // A thread that waits for a CPU or for its disk stops when it has that, and is not held before. To wait without
    // sleeping was tried: on a machine with no CPU to spare it took longer (median 30 us before, 130 us with it).
    do waited = waitpid(thread, &status, __WALL); while (waited < 0 && errno == EINTR);
    if (waited != thread || !WIFSTOPPED(status)) return LW_STOP_GONE;
    // A signal that was about to be delivered is delivered when the thread goes on.
    int signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
    uint64_t stack_pointer = 0;
    int is_read = copy_registers(thread, signal, result, &stack_pointer) == 0;
    ptrdiff_t copied = -1;
    if (is_read) copied = lw_read_process_memory(process, stack_pointer, stack, stack_capacity);
    ptrace(PTRACE_DETACH, thread, NULL, (void *)(intptr_t)signal);
    result->held_ns = now_ns() - begin;
    result->stack_bytes = copied > 0 ? (size_t)copied : 0;
    return is_read ? LW_STOP_DONE : LW_STOP_GONE;
}

int lw_trace_copy(int32_t process, int32_t thread, void *stack, size_t stack_capacity, struct lw_thread_stop *result) {
    memset(result, 0, sizeof(*result));
    uint64_t stack_pointer = 0;
    if (copy_registers(thread, 0, result, &stack_pointer) != 0) return -1;
    ptrdiff_t copied = 0;
    if (stack_capacity > 0) copied = lw_read_process_memory(process, stack_pointer, stack, stack_capacity);
    result->stack_bytes = copied > 0 ? (size_t)copied : 0;
    return 0;
}
