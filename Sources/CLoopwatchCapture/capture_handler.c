// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchCapture.h"
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// Pieces that the stack is read in. Linux stops a piece at the page that is missing, and others may leave it out whole.
// Up to eight, the kernel needs no memory of its own for the list.
#define STACK_PIECES 8
#define STACK_PIECE_BYTES (LW_CAPTURE_STACK_BYTES_MAX / STACK_PIECES)

// The upper 16 bits of a token. No address has them, so that no timer of someone else carries a token by chance.
#define TOKEN_MARK UINT64_C(0x4c57)

#define PHASE_BITS 2
#define PHASE(state) ((enum lw_capture_phase)((state) & ((1u << PHASE_BITS) - 1)))

// A sanitizer that watches every access would run its own code, which is not async-signal-safe, in the handler.
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define UNWATCHED __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef UNWATCHED
#define UNWATCHED
#endif

// Static, so that a signal that comes after everything was stopped still finds them. Pages that are never used are never
// there.
static struct lw_capture_slot slots[LW_CAPTURE_SLOTS];
static _Alignas(16) uint8_t stacks[LW_CAPTURE_SLOTS][LW_CAPTURE_STACK_BYTES_MAX];

// Of each slot: how often it was armed, and above all its phase. The owner moves it from idle or ready to armed and from
// armed to idle, the handler from armed to writing and from there to ready; so each has the slot to itself in its turn.
static _Atomic uint32_t states[LW_CAPTURE_SLOTS];

_Static_assert(sizeof(states[0]) == sizeof(uint32_t), "a futex is four bytes");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a handler may use lock-free atomics only");

UNWATCHED static uint64_t now_from_handler(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

UNWATCHED static void copy_registers_from_handler(const ucontext_t *context, struct lw_capture_slot *slot) {
#if defined(__x86_64__)
    // Order of the registers in DWARF: System V ABI, AMD64 supplement, figure 3.36.
    static const int order[LW_CAPTURE_REGISTERS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
        REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    };
    for (size_t index = 0; index < LW_CAPTURE_REGISTERS; index++) {
        slot->registers[index] = (uint64_t)context->uc_mcontext.gregs[order[index]];
    }
    slot->stack_address = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
#else
    for (size_t index = 0; index < 31; index++) slot->registers[index] = context->uc_mcontext.regs[index];
    slot->registers[31] = context->uc_mcontext.sp;
    slot->registers[32] = context->uc_mcontext.pc;
    slot->stack_address = context->uc_mcontext.sp;
#endif
}

// The kernel copies, because it stops where the stack ends, and a copy by hand would fault there.
UNWATCHED static void copy_stack_from_handler(struct lw_capture_slot *slot, uint8_t *stack) {
    struct iovec local = {.iov_base = stack, .iov_len = LW_CAPTURE_STACK_BYTES_MAX};
    struct iovec remote[STACK_PIECES];
    for (size_t index = 0; index < STACK_PIECES; index++) {
        remote[index].iov_base = (void *)(uintptr_t)(slot->stack_address + index * STACK_PIECE_BYTES);
        remote[index].iov_len = STACK_PIECE_BYTES;
    }
    long copied = syscall(SYS_process_vm_readv, (long)getpid(), &local, 1L, remote, (long)STACK_PIECES, 0L);
    slot->stack_bytes = copied > 0 ? (uint64_t)copied : 0;
}

UNWATCHED void lw_capture_from_handler(int signal_number, void *signal_information, void *context) {
    (void)signal_number;
    const siginfo_t *information = signal_information;
    if (information == NULL || context == NULL || information->si_code != SI_TIMER) return;
    uint64_t token = (uint64_t)(uintptr_t)information->si_value.sival_ptr;
    uint64_t index = (token >> 32) & 0xffff;
    if (token >> 48 != TOKEN_MARK || index >= LW_CAPTURE_SLOTS) return;
    // Acquires what the owner released when it armed the slot: it has finished reading what was there before.
    uint32_t armed = (uint32_t)token;
    uint32_t writing = armed - LW_CAPTURE_ARMED + LW_CAPTURE_WRITING;
    if (PHASE(armed) != LW_CAPTURE_ARMED ||
        !atomic_compare_exchange_strong_explicit(
            &states[index], &armed, writing, memory_order_acquire, memory_order_relaxed)) {
        return;
    }
    int saved_errno = errno;
    uint64_t began = now_from_handler();
    struct lw_capture_slot *slot = &slots[index];
    copy_registers_from_handler(context, slot);
    copy_stack_from_handler(slot, stacks[index]);
    slot->duration_ns = now_from_handler() - began;
    // Releases what was written to the owner, which acquires it in phase_of().
    atomic_store_explicit(
        &states[index], writing - LW_CAPTURE_WRITING + LW_CAPTURE_READY, memory_order_release);
    syscall(SYS_futex, &states[index], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved_errno;
}

const struct lw_capture_slot *lw_capture_contents(unsigned slot) { return &slots[slot % LW_CAPTURE_SLOTS]; }

const uint8_t *lw_capture_stack(unsigned slot) { return stacks[slot % LW_CAPTURE_SLOTS]; }

uint64_t lw_capture_arm(unsigned slot) {
    slot %= LW_CAPTURE_SLOTS;
    uint32_t state = atomic_load_explicit(&states[slot], memory_order_relaxed);
    // A thread that was stopped within the handler may write whenever it goes on.
    if (PHASE(state) == LW_CAPTURE_WRITING || PHASE(state) == LW_CAPTURE_ARMED) return 0;
    uint32_t armed = (((state >> PHASE_BITS) + 1) << PHASE_BITS) | LW_CAPTURE_ARMED;
    atomic_store_explicit(&states[slot], armed, memory_order_release);
    return TOKEN_MARK << 48 | (uint64_t)slot << 32 | armed;
}

enum lw_capture_phase lw_capture_wait(unsigned slot, int64_t timeout_ns) {
    slot %= LW_CAPTURE_SLOTS;
    uint32_t state = atomic_load_explicit(&states[slot], memory_order_acquire);
    if (PHASE(state) == LW_CAPTURE_READY || timeout_ns <= 0) return PHASE(state);
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    syscall(SYS_futex, &states[slot], FUTEX_WAIT_PRIVATE, state, &timeout, NULL, 0);
    return PHASE(atomic_load_explicit(&states[slot], memory_order_acquire));
}

enum lw_capture_phase lw_capture_withdraw(unsigned slot) {
    slot %= LW_CAPTURE_SLOTS;
    uint32_t state = atomic_load_explicit(&states[slot], memory_order_acquire);
    while (PHASE(state) == LW_CAPTURE_ARMED) {
        uint32_t idle = state - LW_CAPTURE_ARMED + LW_CAPTURE_IDLE;
        if (atomic_compare_exchange_weak_explicit(
                &states[slot], &state, idle, memory_order_relaxed, memory_order_acquire)) {
            return LW_CAPTURE_IDLE;
        }
    }
    return PHASE(state);
}
