// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// An executor runs the jobs that it is given by itself, so whoever wants to know when one begins and ends gives it another
// job, which runs the real one: public API has no such thing but a task, which is twenty times the work.

#include "CLoopwatchRuntime.h"
#include "job_accounting_internal.h"
#include "job_slots.h"
#include <stdlib.h>

extern void *const _swift_concurrency_debug_jobMetadata;
extern LW_SWIFT_CALL uint64_t swift_task_getJobTaskId(void *job);

/// The object is never freed by the runtime.
#define IMMORTAL ((uintptr_t)0x80000007)
/// No kind of the runtime's: it takes every job that is no task for one that runs by its own function.
#define KIND_ENVELOPE 201

struct envelope {
    struct lw_runtime_job job;
    void *real;
    void *context;
    int64_t ticket;
    lw_envelope_run run;
};

static __attribute__((swiftasynccall)) void open_envelope(void *object) {
    struct envelope envelope = *(struct envelope *)object;
    free(object);
    uint64_t task = 0;
    uint32_t kind = LW_KIND_OTHER;
    if (envelope.real != NULL) {
        uint32_t flags = LW_LOAD(((struct lw_runtime_job *)envelope.real)->flags);
        kind = lw_job_kinds[LW_JOB_FLAGS_KIND(flags)];
        if (LW_JOB_FLAGS_KIND(flags) == LW_RUNTIME_KIND_TASK) task = swift_task_getJobTaskId(envelope.real);
    }
    envelope.run(envelope.context, envelope.real, envelope.ticket, task, kind);
}

void *lw_job_envelope(void *real, void *context, int64_t ticket, lw_envelope_run run) {
    struct envelope *envelope = calloc(1, sizeof(*envelope));
    if (envelope == NULL) return NULL;
    // Where a job's metadata points to another place than its first word, only the self-test tells.
    envelope->job.metadata = (void **)(uintptr_t)_swift_concurrency_debug_jobMetadata;
    envelope->job.reference_count = IMMORTAL;
    uint32_t flags = KIND_ENVELOPE;
    if (real != NULL) {
        const struct lw_runtime_job *job = real;
        flags |= LW_LOAD(job->flags) & 0xff00;
        envelope->job.identifier = job->identifier;
    }
    LW_STORE(envelope->job.flags, flags);
    envelope->job.run = (void *)(uintptr_t)&open_envelope;
    envelope->real = real;
    envelope->context = context;
    envelope->ticket = ticket;
    envelope->run = run;
    return envelope;
}
