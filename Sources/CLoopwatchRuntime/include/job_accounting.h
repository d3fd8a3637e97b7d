// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CLOOPWATCH_JOB_ACCOUNTING_H
#define CLOOPWATCH_JOB_ACCOUNTING_H

#include <stddef.h>
#include <stdint.h>

// Accounting of every job of Swift's global executor, inside the concurrency runtime.
//
// Two data words of the runtime are exchanged: the pointer through which it hands jobs to Dispatch, and the entry of the
// two job classes through which Dispatch runs them. Ours note the time and call the runtime's own. Nothing else changes:
// queues, priorities, widths, threads and timers stay the runtime's. It is C because these functions run before and after
// Swift's own code on any thread, and read objects of the runtime.
//
// The words are no API (stdlib/public/Concurrency/DispatchGlobalExecutor.cpp, include/swift/ABI/Task.h, 6.3): everything
// is proved before it is used, and left alone otherwise.

/// Where jobs wait: the global executor has one queue for each priority.
enum lw_job_lane {
    LW_LANE_UNSPECIFIED = 0,
    LW_LANE_BACKGROUND = 1,
    LW_LANE_UTILITY = 2,
    LW_LANE_DEFAULT = 3,
    LW_LANE_INITIATED = 4,
    LW_LANE_INTERACTIVE = 5,
    /// The main actor's.
    LW_LANE_MAIN = 6,
    /// Any other Dispatch queue that an executor was made of.
    LW_LANE_QUEUE = 7,
};
#define LW_JOB_LANES 8

/// What lanes have in common: the pool's six, the main actor, other queues.
#define LW_JOB_GROUPS 3

/// Kinds of jobs that are told apart.
enum lw_job_kind {
    LW_KIND_TASK = 0,
    LW_KIND_ACTOR = 1,
    LW_KIND_CONTINUATION = 2,
    LW_KIND_OTHER = 3,
};
#define LW_JOB_KINDS 4

/// Edges of the histograms; one more bucket lies above the highest.
#define LW_JOB_EDGES 18

/// Most threads that can be accounted at once. Jobs of further threads are counted as untracked.
#define LW_JOB_SLOTS_MAX 1024

/// Bytes of a task's name that are kept.
#define LW_JOB_NAME_BYTES 32

/// Long jobs that each thread remembers after their end.
#define LW_JOB_LONG_MAX 4

/// How much is accounted, best first.
enum lw_job_mode {
    LW_JOBS_OFF = 0,
    /// Every job, by the two words.
    LW_JOBS_EXACT = 1,
    /// Every run; waits only of jobs that come by the hooks.
    LW_JOBS_RUNS = 2,
    /// Only how many jobs come by the hook.
    LW_JOBS_ENQUEUES = 3,
};

/// What one lane came to since accounting was installed. Times are in ticks.
struct lw_job_lane_totals {
    uint64_t enqueued;
    /// Jobs that were seen to be enqueued and have begun to run: the difference is how many wait.
    uint64_t started;
    /// Sum of the times at which jobs were enqueued, modulo 2^64, and the same of those that have started.
    uint64_t enqueued_at_sum;
    uint64_t started_enqueued_at_sum;
    /// Sum of the waits of jobs that have started.
    uint64_t wait;
    /// Jobs that have ended or suspended, whether they were seen to be enqueued or not, and the sum of their run times.
    uint64_t ended;
    uint64_t run;
    /// Sum of the times at which the jobs began that run now, and how many they are.
    uint64_t running_since_sum;
    uint64_t running;
    /// When the latest job started; 0 if none has.
    uint64_t last_start;
    /// When the first job since the generation began was enqueued; 0 if none was.
    uint64_t first_enqueued;
    /// The most jobs that were seen to wait.
    uint64_t depth_max;
};

/// What all lanes came to.
struct lw_job_totals {
    struct lw_job_lane_totals lanes[LW_JOB_LANES];
    /// Jobs that ran though they had not been seen to be enqueued: timers, and what waited when accounting began.
    uint64_t unstamped;
    /// Jobs of threads for which there was no slot left.
    uint64_t untracked;
    /// Slots that were ever used: as many as threads had one at once.
    uint32_t slots;
};

/// Distributions and kinds, which only a scrape needs.
struct lw_job_distributions {
    uint64_t wait[LW_JOB_GROUPS][LW_JOB_EDGES + 1];
    uint64_t run[LW_JOB_GROUPS][LW_JOB_EDGES + 1];
    uint64_t kinds[LW_JOB_KINDS];
};

/// A job that holds a thread, or held one for long.
struct lw_job {
    /// Slot of its thread.
    uint32_t slot;
    int32_t thread;
    uint64_t start;
    /// 0 as long as it runs.
    uint64_t end;
    /// When it was enqueued; 0 if that was not seen.
    uint64_t enqueued;
    /// 0 where it is no task.
    uint64_t task;
    uint8_t lane;
    uint8_t kind;
    uint8_t priority;
    /// The task's name, cut; empty where it has none.
    char name[LW_JOB_NAME_BYTES];
};

/// The clock of accounting: the processor's time stamp counter where the kernel trusts it, else CLOCK_MONOTONIC.
uint64_t lw_jobs_tick(void);

/// Nanoseconds of a tick, as measured; 1 where ticks are nanoseconds.
double lw_jobs_tick_nanoseconds(void);

/// Chooses and measures the clock; 2 ms, once.
void lw_jobs_prepare_clock(int may_use_counter);

/// Checks that the runtime is built as expected, as far as that can be seen without running anything. Returns NULL, or what
/// is not as expected, in words.
const char *_Nullable lw_jobs_check(void);

/// How a probe fared.
enum lw_job_probe {
    LW_PROBE_IDLE = 0,
    LW_PROBE_WAITING = 1,
    /// It ran by the entry of its class, on the global executor's own queue.
    LW_PROBE_PASSED = 2,
    /// The same, and it was seen to be enqueued.
    LW_PROBE_SEEN = 3,
    /// It ran on another queue.
    LW_PROBE_ELSEWHERE = 4,
    /// It ran by its own function: the host has another executor.
    LW_PROBE_BYPASSED = 5,
};

/// Has the global executor run a job that does nothing, or leaves it at the one that waits already. It calls a hook of the
/// host, which may wait. From any thread.
void lw_jobs_probe(void);

/// How the latest probe fared.
enum lw_job_probe lw_jobs_probe_state(void);

/// Whether the latest probe was seen to be enqueued, wherever it then ran.
int lw_jobs_probe_is_enqueued(void);

/// Installs accounting. Returns NULL, or why not, in words; then nothing was changed. `LW_JOBS_EXACT` needs a probe to have
/// passed before. `edges` are LW_JOB_EDGES upper bounds, ascending, and `long_ticks` the length from which on a job is
/// remembered after its end, all in ticks. Not to be called by two threads at once.
const char *_Nullable lw_jobs_install(enum lw_job_mode mode, const uint64_t *_Nonnull edges, uint64_t long_ticks);

/// Changes the length from which on a job is remembered.
void lw_jobs_set_long(uint64_t long_ticks);

/// Puts back what was there before; jobs that wait or run go on. Returns NULL, or what could not be put back because
/// someone else has changed it since, in words.
const char *_Nullable lw_jobs_uninstall(void);

/// Whether what was installed is still in force. NULL, or what changed, in words.
const char *_Nullable lw_jobs_intact(void);

/// Whether another `swift_task_enqueueGlobal_hook` is set than expected, and which: it may call what was there before, or run
/// jobs past it.
int lw_jobs_other_hook(uintptr_t *_Nonnull other);

/// Expects a hook from now on, because jobs are accounted with it too.
void lw_jobs_expect_hook(uintptr_t other);

/// Reads the totals, and begins a generation if asked to. 1 us for 100 threads.
void lw_jobs_read(struct lw_job_totals *_Nonnull totals, int begin_generation);

/// Reads the distributions.
void lw_jobs_read_distributions(struct lw_job_distributions *_Nonnull distributions);

/// Lists the jobs that run, at most `capacity`; returns how many were listed. A job within which another runs on the same
/// thread runs too; the innermost comes first.
size_t lw_jobs_running(struct lw_job *_Nonnull jobs, size_t capacity);

/// How many jobs of a lane that were seen to be enqueued have begun.
uint64_t lw_jobs_started(uint32_t lane);

/// Whether a job still runs.
int lw_jobs_is_running(uint32_t slot, uint64_t start);

/// Lists long jobs that have ended since the last call with the same cursors, at most `capacity`; returns how many, and
/// adds to `lost` how many were forgotten before. `cursors` has LW_JOB_SLOTS_MAX places, at first 0.
size_t lw_jobs_ended(
    uint64_t *_Nonnull cursors, struct lw_job *_Nonnull jobs, size_t capacity, uint64_t *_Nonnull lost);

/// Gives back the slot of a thread that ended within a job.
void lw_jobs_release(uint32_t slot, int32_t thread);

/// The innermost job of the calling thread; returns 0 if it runs none.
int lw_jobs_current(struct lw_job *_Nonnull job);

/// Whether the names of tasks can be read as expected, tried with the current task of the calling thread, which must bear
/// this name; from then on they are noted if they can. Returns 1 if so.
int lw_jobs_try_names(const void *_Nonnull task, const char *_Nonnull name);

/// Learns where the runtime keeps the current task of a thread, from the calling thread, the current task of which must be
/// this one. Where it is known after two different tasks, returns 1.
int lw_jobs_try_current_task(const void *_Nonnull task);

/// A number that tells the task which a running job is at from others: an actor's job runs many, one after another. 0 where
/// that is not known, or the job has ended.
uint64_t lw_jobs_task_within(uint32_t slot, uint64_t start);

/// Called when an envelope is run: with its context, the job within, its ticket, and the number of the job's task and its
/// kind. It runs the job.
typedef void (*lw_envelope_run)(
    void *_Nonnull context, void *_Nullable job, int64_t ticket, uint64_t task, uint32_t kind);

/// Makes a job that calls `run` when an executor runs it, with the priority of the job within; NULL where there is no memory.
/// It is freed before `run` is called.
void *_Nullable lw_job_envelope(
    void *_Nullable job, void *_Nonnull context, int64_t ticket, lw_envelope_run _Nonnull run);

/// Learns where tasks keep their task-local values, from the current task of the calling thread, in which the task-local of
/// this key was bound last, to this value. From then on marks are read if that is known. Returns 1 if it is.
int lw_jobs_learn_marks(const void *_Nonnull task, const void *_Nonnull key, uint64_t value);

/// Whether what was learned gives the value that the calling thread's current task has, bound by itself or by the task that
/// started it; if not, marks are not read any more.
int lw_jobs_check_mark(const void *_Nonnull task, uint64_t value);

/// Whether marks are read.
int lw_jobs_know_marks(void);

/// The mark of the task that a running job is at; 0 where it has none, that is not known, or the job has ended. 2 us.
uint64_t lw_jobs_mark(uint32_t slot, uint64_t start);

#endif
