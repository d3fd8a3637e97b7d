// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CRuntimeHooks.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWIFT_CALL __attribute__((swiftcall))

// include/swift/Runtime/Concurrency.h
typedef SWIFT_CALL void (*enqueue_original)(void *job);
typedef SWIFT_CALL void (*enqueue_hook)(void *job, enqueue_original original);
extern enqueue_hook swift_task_enqueueGlobal_hook;
extern enqueue_hook swift_task_enqueueMainExecutor_hook;
extern SWIFT_CALL void swift_job_run(void *job, uintptr_t executor, uintptr_t implementation);
extern void *const _swift_concurrency_debug_jobMetadata;
extern void *const _swift_concurrency_debug_asyncTaskMetadata;

// dispatch/queue.h
extern void *dispatch_queue_create(const char *label, void *attributes);
extern void dispatch_async_f(void *queue, void *context, void (*work)(void *));

// Of the accounting: where the word lies that has no name.
extern void **lw_job_find_enqueue_word(void);

// Words of the metadata of jobs (DispatchClassMetadata).
#define VTABLE_TYPE 2
#define VTABLE_INVOKE 3

#define CHILD_SECONDS 10

static _Atomic uint64_t counted;
static void *queue;

static void **job_metadata(void) { return _swift_concurrency_debug_jobMetadata; }
static void **task_metadata(void) { return _swift_concurrency_debug_asyncTaskMetadata; }

static uintptr_t load(void **word) { return (uintptr_t)__atomic_load_n(word, __ATOMIC_ACQUIRE); }

struct hooks_words hooks_read_words(void) {
    // It is found only while it holds the runtime's own function, or ours in the same program.
    static void **enqueue;
    if (enqueue == NULL) enqueue = lw_job_find_enqueue_word();
    return (struct hooks_words){
        .enqueue = enqueue == NULL ? 0 : load(enqueue),
        .job_entry = load(&job_metadata()[VTABLE_INVOKE]),
        .task_entry = load(&task_metadata()[VTABLE_INVOKE]),
        .hook = (uintptr_t)__atomic_load_n(&swift_task_enqueueGlobal_hook, __ATOMIC_ACQUIRE),
        .main_hook = (uintptr_t)__atomic_load_n(&swift_task_enqueueMainExecutor_hook, __ATOMIC_ACQUIRE),
    };
}

static void set_hook(enqueue_hook hook) {
    __atomic_store_n(&swift_task_enqueueGlobal_hook, hook, __ATOMIC_RELEASE);
}

static SWIFT_CALL void counting(void *job, enqueue_original original) {
    atomic_fetch_add(&counted, 1);
    original(job);
}

// Set before the hook is, but read by threads that see the hook by a load which is not ours.
static _Atomic(enqueue_hook) chained;

static SWIFT_CALL void chaining(void *job, enqueue_original original) {
    enqueue_hook before = atomic_load(&chained);
    if (before != NULL) before(job, original);
    else original(job);
}

static void run_job(void *job) { swift_job_run(job, 0, 0); }

static SWIFT_CALL void redispatching(void *job, enqueue_original original) {
    (void)original;
    dispatch_async_f(queue, job, run_job);
}

void hooks_set_counting(void) { set_hook(counting); }

uint64_t hooks_counted(void) { return atomic_load(&counted); }

void hooks_set_chaining(void) {
    atomic_store(&chained, __atomic_load_n(&swift_task_enqueueGlobal_hook, __ATOMIC_ACQUIRE));
    set_hook(chaining);
}

void hooks_set_redispatching(void) {
    if (queue == NULL) queue = dispatch_queue_create("embedder", NULL);
    set_hook(redispatching);
}

void hooks_clear(void) { set_hook(NULL); }

void hooks_disguise_metadata(void) { job_metadata()[VTABLE_TYPE] = (void *)99; }

void hooks_set_entry(uintptr_t entry) {
    __atomic_store_n(&job_metadata()[VTABLE_INVOKE], (void *)entry, __ATOMIC_RELEASE);
    __atomic_store_n(&task_metadata()[VTABLE_INVOKE], (void *)entry, __ATOMIC_RELEASE);
}

void hooks_run_nested(void *job) {
    void **words = job;
    // Words of a job (include/swift/ABI/Task.h): its metadata, and which queue it was in: 1 for the global executor.
    words[3] = (void *)1;
    void **metadata = words[0];
    typedef void (*invoke)(void *job, void *unused, uint32_t flags);
    ((invoke)load(&metadata[VTABLE_INVOKE]))(job, NULL, 0);
}

int hooks_fork_and_exit(void) {
    pid_t child = fork();
    if (child == 0) exit(0);
    if (child < 0) return -1;
    int status;
    for (int tenths = 0; tenths < CHILD_SECONDS * 10; tenths++) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (ended < 0) return -1;
        struct timespec pause = {0, 100000000};
        nanosleep(&pause, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

void hooks_end_thread(void) {
    for (;;) syscall(SYS_exit, 0);
}
