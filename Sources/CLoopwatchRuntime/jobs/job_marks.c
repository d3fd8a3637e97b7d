// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// Which test a job belongs to is known by a task-local value, which tasks hand on to those that they start. The runtime
// keeps a task's values as a chain, the innermost first (stdlib/public/Concurrency/TaskLocal.cpp); where, is found by what is
// in it. Read from another thread, by copies: a value may come or go meanwhile.

#include "CLoopwatchRuntime.h"
#include "job_accounting_internal.h"
#include "job_slots.h"
#include <pthread.h>

// Words of a task behind its job part, and of an item of the chain, in which is looked.
#define TASK_WORDS_FIRST 8
#define TASK_WORDS_LAST 32
#define ITEM_WORDS 8
// Items that are looked through: more would be a chain gone wrong.
#define ITEMS_MAX 64
// The lowest bits of the link to the next item tell its kind.
#define LINK_BITS ((uintptr_t)7)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uintptr_t mark_key;
// In words.
static _Atomic uint32_t head_at, key_at, value_at;
static _Atomic int is_known;

static uint64_t mark_of(uintptr_t task) {
    uintptr_t item = 0;
    uint32_t key = LW_LOAD(key_at), value = LW_LOAD(value_at);
    if (lw_read_memory(task + 8 * (uintptr_t)LW_LOAD(head_at), &item, sizeof(item)) != sizeof(item)) return 0;
    item &= ~LINK_BITS;
    for (int count = 0; item != 0 && count < ITEMS_MAX; count++) {
        uintptr_t words[ITEM_WORDS] = {0};
        // An item that has no value is short, and may lie at the end of its memory.
        ptrdiff_t wanted = 8 * ((ptrdiff_t)value + 1);
        if (lw_read_memory(item, words, (size_t)wanted) != wanted) {
            words[key] = 0;
            if (lw_read_memory(item, words, sizeof(words[0])) != sizeof(words[0])) return 0;
        }
        if (words[key] == LW_LOAD(mark_key)) return words[value];
        item = words[0] & ~LINK_BITS;
    }
    return 0;
}

int lw_jobs_learn_marks(const void *task, const void *key, uint64_t value) {
    pthread_mutex_lock(&lock);
    uintptr_t words[TASK_WORDS_LAST] = {0};
    (void)lw_read_memory((uintptr_t)task, words, sizeof(words));
    int found = 0;
    // The task's memory of its latest allocation begins a little before the item: the pointer to the item itself is the one
    // that has the key nearest.
    for (uint32_t at = 1; !LW_LOAD(is_known) && found == 0 && at < ITEM_WORDS; at++) {
        for (uint32_t head = TASK_WORDS_FIRST; head < TASK_WORDS_LAST; head++) {
            uintptr_t item[ITEM_WORDS] = {0};
            if ((words[head] & ~LINK_BITS) == 0) continue;
            (void)lw_read_memory(words[head] & ~LINK_BITS, item, sizeof(item));
            for (uint32_t behind = at + 1; item[at] == (uintptr_t)key && behind < ITEM_WORDS; behind++) {
                if (item[behind] != value) continue;
                LW_STORE(head_at, head);
                LW_STORE(key_at, at);
                LW_STORE(value_at, behind);
                found++;
            }
        }
    }
    if (found == 1) {
        LW_STORE(mark_key, (uintptr_t)key);
        atomic_store_explicit(&is_known, 1, memory_order_release);
    }
    int result = LW_LOAD(is_known);
    pthread_mutex_unlock(&lock);
    return result;
}

int lw_jobs_check_mark(const void *task, uint64_t value) {
    if (!atomic_load_explicit(&is_known, memory_order_acquire)) return 0;
    if (mark_of((uintptr_t)task) == value) return 1;
    LW_STORE(is_known, 0);
    return 0;
}

int lw_jobs_know_marks(void) { return atomic_load_explicit(&is_known, memory_order_acquire); }

uint64_t lw_jobs_mark(uint32_t slot, uint64_t start) {
    if (!atomic_load_explicit(&is_known, memory_order_acquire)) return 0;
    uintptr_t task = lw_job_current_task(slot);
    uint64_t mark = task == 0 ? 0 : mark_of(task);
    return lw_job_is_innermost(slot, start) ? mark : 0;
}
