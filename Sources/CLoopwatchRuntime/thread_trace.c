// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "thread_trace.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int lw_trace_is_allowed(void) {
    // No process has this number: the kernel says so, and a filter refuses before.
    errno = 0;
    ptrace(PTRACE_CONT, -1, NULL, NULL);
    return errno == ESRCH;
}

int lw_trace_seize(int32_t thread) {
    return (int)ptrace(PTRACE_SEIZE, thread, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD);
}

int lw_trace_interrupt(int32_t thread) { return (int)ptrace(PTRACE_INTERRUPT, thread, NULL, NULL); }

struct lw_trace_look lw_trace_look(int32_t thread) {
    struct lw_trace_look look = {.stop = lw_trace_running};
    int status = 0;
    pid_t changed = waitpid(thread, &status, WNOHANG | __WALL);
    if (changed == 0) return look;
    if (changed < 0 || !WIFSTOPPED(status)) {
        look.stop = lw_trace_gone;
        return look;
    }
    int stop = WSTOPSIG(status);
    if (stop == (SIGTRAP | 0x80)) {
        struct __ptrace_syscall_info info;
        look.stop = lw_trace_other;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof(info), &info) > 0
            && info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            look.stop = lw_trace_before_call;
            look.number = (int64_t)info.entry.nr;
            look.argument = info.entry.args[0];
        }
    } else if (status >> 16 == PTRACE_EVENT_STOP) {
        // With the signal of the stop instead of SIGTRAP for one that stops the whole process.
        look.stop = stop == SIGTRAP ? lw_trace_other : lw_trace_group;
        look.is_interrupt = stop == SIGTRAP;
    } else if (status >> 16 != 0) {
        look.stop = lw_trace_other;
    } else {
        look.stop = lw_trace_signal;
        look.signal = stop;
    }
    return look;
}

int lw_trace_continue(int32_t thread, int signal) {
    return (int)ptrace(PTRACE_SYSCALL, thread, NULL, (void *)(long)signal);
}

int lw_trace_release(int32_t thread, int signal) {
    return (int)ptrace(PTRACE_DETACH, thread, NULL, (void *)(long)signal);
}
