// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CAllocationCounter.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The C library's own, by the names that it keeps for this purpose (glibc, malloc/malloc.c).
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

#define THREADS_MAX 4096

struct counter {
    _Atomic int32_t thread;
    _Atomic uint64_t count;
};
static struct counter counters[THREADS_MAX];
static _Atomic uint32_t used;
static __thread struct counter *own __attribute__((tls_model("initial-exec")));

static void count(void) {
    if (own == NULL) {
        uint32_t index = atomic_fetch_add(&used, 1);
        own = &counters[index < THREADS_MAX ? index : THREADS_MAX - 1];
        atomic_store(&own->thread, (int32_t)syscall(SYS_gettid));
    }
    atomic_fetch_add_explicit(&own->count, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count();
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

static int is_loopwatch(int32_t thread) {
    char path[64], name[4] = {0};
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, name, 3);
    close(file);
    return length == 3 && memcmp(name, "lw-", 3) == 0;
}

uint64_t allocations_of_host(void) {
    uint64_t sum = 0;
    uint32_t threads = atomic_load(&used);
    for (uint32_t index = 0; index < threads && index < THREADS_MAX; index++) {
        if (!is_loopwatch(atomic_load(&counters[index].thread))) sum += atomic_load(&counters[index].count);
    }
    return sum;
}
