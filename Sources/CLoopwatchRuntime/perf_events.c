// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "perf_events.h"
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Which registers hold a system call's number, result and first argument, as bits of asm/perf_regs.h, and at which place
// they then stand in a record: the kernel writes them in the order of the bits.
#if defined(__x86_64__)
#define CALL_INSTRUCTION_SIZE 2
#define BREAKPOINT_SIZE sizeof(long)
#define CALL_REGISTERS ((1ull << 0) | (1ull << 5)) // AX, DI
enum { NUMBER_PLACE = 0, RESULT_PLACE = 0, ARGUMENT_PLACE = 1 };
#elif defined(__aarch64__)
#define CALL_INSTRUCTION_SIZE 4
#define BREAKPOINT_SIZE HW_BREAKPOINT_LEN_4
#define CALL_REGISTERS ((1ull << 0) | (1ull << 8)) // X0, X8
enum { NUMBER_PLACE = 1, RESULT_PLACE = 0, ARGUMENT_PLACE = 0 };
#else
#define CALL_INSTRUCTION_SIZE 0
#define BREAKPOINT_SIZE 0
#define CALL_REGISTERS 0
enum { NUMBER_PLACE = 0, RESULT_PLACE = 0, ARGUMENT_PLACE = 0 };
#endif

size_t lw_perf_call_instruction_size(void) { return CALL_INSTRUCTION_SIZE; }

// long lw_perf_trial_call(const struct timespec *, struct timespec *): nanosleep(2), whose arguments are where a function's
// are, with a name for the instruction after it. In assembly, because a label in C may be copied with what is around it.
#if defined(__x86_64__)
#define TRIAL_CALL "mov $35, %eax\nsyscall\n"
#elif defined(__aarch64__)
#define TRIAL_CALL "mov x8, #101\nsvc #0\n"
#endif
#ifdef TRIAL_CALL
long lw_perf_trial_call(const struct timespec *time, struct timespec *rest);
extern const char lw_perf_trial_place[];
__asm__(".text\n"
        ".hidden lw_perf_trial_call\n.globl lw_perf_trial_call\n.type lw_perf_trial_call, %function\n"
        ".hidden lw_perf_trial_place\n.globl lw_perf_trial_place\n"
        "lw_perf_trial_call:\n" TRIAL_CALL "lw_perf_trial_place:\nret\n"
        ".size lw_perf_trial_call, . - lw_perf_trial_call\n");

void lw_perf_trial_sleep(int64_t nanoseconds) {
    struct timespec time = {.tv_nsec = nanoseconds};
    lw_perf_trial_call(&time, NULL);
}

uint64_t lw_perf_trial_return(void) { return (uint64_t)(uintptr_t)lw_perf_trial_place; }
#else
void lw_perf_trial_sleep(int64_t nanoseconds) { (void)nanoseconds; }

uint64_t lw_perf_trial_return(void) { return 0; }
#endif

static int open_event(struct perf_event_attr *attributes, int32_t thread) {
    attributes->size = sizeof(*attributes);
    attributes->disabled = 1;
    attributes->exclude_kernel = 1;
    attributes->exclude_hv = 1;
    attributes->use_clockid = 1;
    attributes->clockid = CLOCK_MONOTONIC;
    attributes->sample_period = 1;
    attributes->sample_id_all = 1;
    attributes->sample_type |= PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
    return (int)syscall(SYS_perf_event_open, attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int lw_perf_open_breakpoint(int32_t thread, uint64_t address) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.type = PERF_TYPE_BREAKPOINT;
    attributes.bp_type = HW_BREAKPOINT_X;
    attributes.bp_addr = address;
    attributes.bp_len = BREAKPOINT_SIZE;
    attributes.sample_type = PERF_SAMPLE_REGS_USER;
    attributes.sample_regs_user = CALL_REGISTERS;
    return open_event(&attributes, thread);
}

int lw_perf_open_tracepoint(int32_t thread, uint64_t tracepoint) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.config = tracepoint;
    attributes.sample_type = PERF_SAMPLE_RAW;
    return open_event(&attributes, thread);
}

int lw_perf_identifier(int event, uint64_t *identifier) { return ioctl(event, PERF_EVENT_IOC_ID, identifier); }

int lw_perf_share_ring(int event, int owner) { return ioctl(event, PERF_EVENT_IOC_SET_OUTPUT, owner); }

int lw_perf_enable(int event, int is_enabled) {
    return ioctl(event, is_enabled ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *lw_perf_map(int event, size_t pages) {
    void *ring = mmap(NULL, (pages + 1) * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
    return ring == MAP_FAILED ? NULL : ring;
}

void lw_perf_unmap(void *ring, size_t pages) { munmap(ring, (pages + 1) * page_size()); }

static uint64_t word(const unsigned char *bytes, size_t offset) {
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof(value));
    return value;
}

// A sample, after its header: u64 identifier, u32 process, u32 thread, u64 time, and then
//   u64 abi, u64 registers[2]                      (PERF_SAMPLE_REGS_USER; abi 0: no registers follow), or
//   u32 size, and of a system call's tracepoint    (PERF_SAMPLE_RAW)
//     u64 common, s32 number, u32 padding, then u64 arguments[6] at the entry, s64 result at the exit.
static int read_sample(
    const unsigned char *body, size_t size, int is_tracepoint, uint64_t entry, struct lw_perf_record *record) {
    if (size < 24) return 0;
    record->kind = lw_perf_sample;
    record->identifier = word(body, 0);
    record->time_ns = word(body, 16);
    int is_entry = record->identifier == entry;
    if (is_tracepoint) {
        if (size < 24 + 4 + 24) return 0;
        const unsigned char *raw = body + 28;
        int32_t number;
        memcpy(&number, raw + 8, sizeof(number));
        uint64_t next = word(raw, 16);
        record->value = is_entry ? number : (int64_t)next;
        record->argument = is_entry ? next : 0;
        return 1;
    }
    if (size < 24 + 8 + 16 || word(body, 24) == 0) return 0;
    record->value = (int64_t)word(body, 32 + 8 * (is_entry ? NUMBER_PLACE : RESULT_PLACE));
    record->argument = is_entry ? word(body, 32 + 8 * ARGUMENT_PLACE) : 0;
    return 1;
}

// The last words of records that are no samples (sample_id_all): u32 process, u32 thread, u64 time, u64 identifier.
static int read_notice(const unsigned char *body, size_t size, struct lw_perf_record *record) {
    record->time_ns = size >= 24 ? word(body, size - 16) : 0;
    record->identifier = size >= 24 ? word(body, size - 8) : 0;
    return 1;
}

size_t lw_perf_read(
    void *ring, size_t pages, int is_tracepoint, uint64_t entry, struct lw_perf_record *records, size_t capacity) {
    struct perf_event_mmap_page *state = ring;
    const unsigned char *bytes = (const unsigned char *)ring + page_size();
    const size_t ring_size = pages * page_size();
    uint64_t head = __atomic_load_n(&state->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = state->data_tail;
    size_t count = 0;
    // Larger than any record that the events of this file make.
    unsigned char copy[256];
    while (count < capacity && head - tail >= sizeof(struct perf_event_header)) {
        size_t offset = tail % ring_size;
        struct perf_event_header header;
        // Records are multiples of 8 bytes, and so a header never wraps around.
        memcpy(&header, bytes + offset, sizeof(header));
        if (header.size < sizeof(header) || header.size > head - tail) {
            // Not a record: nothing behind it can be read either.
            tail = head;
            records[count++] = (struct lw_perf_record){.kind = lw_perf_lost};
            break;
        }
        size_t size = header.size < sizeof(copy) ? header.size : sizeof(copy);
        size_t first = size < ring_size - offset ? size : ring_size - offset;
        memcpy(copy, bytes + offset, first);
        memcpy(copy + first, bytes, size - first);
        const unsigned char *body = copy + sizeof(header);
        size_t body_size = size - sizeof(header);
        struct lw_perf_record record = {.kind = lw_perf_sample};
        int is_told = 0;
        if (header.type == PERF_RECORD_SAMPLE) {
            is_told = read_sample(body, body_size, is_tracepoint, entry, &record);
        } else if (header.type == PERF_RECORD_LOST && body_size >= 16) {
            record.kind = lw_perf_lost;
            record.value = (int64_t)word(body, 8);
            is_told = read_notice(body, body_size, &record);
        } else if (header.type == PERF_RECORD_THROTTLE || header.type == PERF_RECORD_UNTHROTTLE) {
            record.kind = lw_perf_throttled;
            is_told = read_notice(body, body_size, &record);
        }
        if (is_told) records[count++] = record;
        tail += header.size;
    }
    __atomic_store_n(&state->data_tail, tail, __ATOMIC_RELEASE);
    return count;
}

int lw_open_process(int32_t process) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, process, 0);
#else
    (void)process;
    errno = ENOSYS;
    return -1;
#endif
}
