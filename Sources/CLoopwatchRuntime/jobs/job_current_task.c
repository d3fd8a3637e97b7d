// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// One job of an actor runs everything that waits for it, task after task, so how long it runs says nothing of any of them.
// The runtime keeps each thread's current task in a thread-local variable without a name. It lies at the same distance from
// the pointer of every thread, and is found by what is in it.

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include "job_accounting_internal.h"
#include "job_slots.h"
#include <link.h>
#include <pthread.h>
#include <stddef.h>

// Words of the runtime's thread-local variables that can be meant.
#define CANDIDATES_MAX 16
// Farther from the thread's pointer are only variables of modules that were loaded late, for which there is no fixed place.
#define DISTANCE_MAX 65536
// Low half of the task's number: a task may have the memory of one that has ended.
#define TASK_IDENTIFIER 0x24

extern LW_SWIFT_CALL uint64_t swift_task_getJobTaskId(void *job);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void *first_task;
static intptr_t candidates[CANDIDATES_MAX];
static int candidate_count;
// 0 as long as it is not known: the pointer itself is there.
static _Atomic intptr_t distance;

/// The calling thread's thread-local variables of the runtime.
struct variables {
    const uintptr_t *words;
    size_t count;
};

static int find_variables(struct dl_phdr_info *module, size_t size, void *argument) {
    if (size < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(module->dlpi_tls_data)) return 1;
    uintptr_t code = (uintptr_t)&swift_task_getJobTaskId;
    int is_module = 0;
    size_t bytes = 0;
    for (int index = 0; index < module->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[index];
        uintptr_t begin = module->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && code >= begin && code - begin < header->p_memsz) is_module = 1;
        if (header->p_type == PT_TLS) bytes = header->p_memsz;
    }
    if (!is_module) return 0;
    struct variables *variables = argument;
    variables->words = module->dlpi_tls_data;
    variables->count = bytes / sizeof(uintptr_t);
    return 1;
}

static int find(const void *task) {
    struct variables variables = {NULL, 0};
    dl_iterate_phdr(find_variables, &variables);
    uintptr_t pointer = (uintptr_t)__builtin_thread_pointer();
    int count = 0;
    for (size_t index = 0; variables.words != NULL && index < variables.count; index++) {
        if (variables.words[index] != (uintptr_t)task) continue;
        intptr_t at = (intptr_t)((uintptr_t)&variables.words[index] - pointer);
        if (at == 0 || at > DISTANCE_MAX || at < -DISTANCE_MAX) continue;
        if (first_task == NULL) {
            if (count < CANDIDATES_MAX) candidates[count++] = at;
            continue;
        }
        for (int known = 0; known < candidate_count; known++) {
            if (candidates[known] == at) candidates[count++] = at;
        }
    }
    return count;
}

int lw_jobs_try_current_task(const void *task) {
    pthread_mutex_lock(&lock);
    if (LW_LOAD(distance) == 0 && task != first_task) {
        candidate_count = find(task);
        if (first_task != NULL && candidate_count == 1) LW_STORE(distance, candidates[0]);
        // Several, or none: from the beginning, at the next attempt.
        first_task = first_task == NULL && candidate_count > 0 ? task : NULL;
    }
    int is_known = LW_LOAD(distance) != 0;
    pthread_mutex_unlock(&lock);
    return is_known;
}

uintptr_t lw_job_current_task(uint32_t index) {
    intptr_t at = LW_LOAD(distance);
    if (index >= LW_JOB_SLOTS_MAX || at == 0) return 0;
    uintptr_t task = 0;
    uintptr_t pointer = LW_LOAD(lw_job_slots[index].thread_pointer);
    // The thread may end: by a copy.
    if (lw_read_memory(pointer + (uintptr_t)at, &task, sizeof(task)) != sizeof(task)) return 0;
    return task;
}

uint64_t lw_jobs_task_within(uint32_t index, uint64_t start) {
    uint32_t identifier = 0;
    uintptr_t task = lw_job_current_task(index);
    if (task == 0) return 0;
    // The task may end too.
    if (lw_read_memory(task + TASK_IDENTIFIER, &identifier, sizeof(identifier)) != sizeof(identifier)) return 0;
    // A job that runs within has a task of its own.
    if (!lw_job_is_innermost(index, start)) return 0;
    return (uint64_t)identifier << 32 ^ task;
}
