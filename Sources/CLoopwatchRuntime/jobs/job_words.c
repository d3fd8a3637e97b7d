// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// Finds the word through which the runtime hands jobs to Dispatch. It has no exported name, but an exported function loads
// it and jumps to what it holds.

#define _GNU_SOURCE
#include "job_accounting_internal.h"
#include <link.h>
#include <stddef.h>
#include <string.h>

// Only its address is used; its true type has Swift's calling convention.
extern void swift_task_enqueueOnDispatchQueue(void *job, void *queue);

// Bytes of the function that are looked through: it has 31 on x86-64 and six instructions on arm64.
#define FUNCTION_BYTES 64

/// Whether a word and what it holds are where they should be.
struct placement {
    uintptr_t code, word, value;
    int is_word_writable, is_word_protected, is_value_code;
};

static int lies_in(uintptr_t address, size_t size, uintptr_t begin, size_t length) {
    return address >= begin && size <= length && address - begin <= length - size;
}

static int place(struct dl_phdr_info *module, size_t size, void *argument) {
    (void)size;
    struct placement *placement = argument;
    int is_module = 0;
    for (int index = 0; index < module->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[index];
        uintptr_t begin = module->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && lies_in(placement->code, 1, begin, header->p_memsz)) is_module = 1;
    }
    if (!is_module) return 0;
    for (int index = 0; index < module->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[index];
        uintptr_t begin = module->dlpi_addr + header->p_vaddr;
        int has_word = lies_in(placement->word, sizeof(void *), begin, header->p_memsz);
        if (header->p_type == PT_LOAD && has_word && header->p_flags & PF_W) placement->is_word_writable = 1;
        if (header->p_type == PT_GNU_RELRO && has_word) placement->is_word_protected = 1;
        if (header->p_type == PT_LOAD && header->p_flags & PF_X &&
            lies_in(placement->value, 1, begin, header->p_memsz)) {
            placement->is_value_code = 1;
        }
    }
    return 1;
}

/// The address of the only word that the function loads before it jumps to a register; 0 if there is not exactly one.
static uintptr_t loaded_word(const uint8_t *code) {
#if defined(__x86_64__)
    uintptr_t word = 0;
    int words = 0;
    for (int at = 0; at + 7 <= FUNCTION_BYTES; at++) {
        // mov disp32(%rip), %r64: REX.W, perhaps with R; 8b; mode 0 and register 5.
        if ((code[at] & 0xfb) == 0x48 && code[at + 1] == 0x8b && (code[at + 2] & 0xc7) == 0x05) {
            int32_t displacement;
            memcpy(&displacement, code + at + 3, sizeof(displacement));
            word = (uintptr_t)code + (uintptr_t)at + 7 + (uintptr_t)(intptr_t)displacement;
            words++;
            at += 6;
        } else if (code[at] == 0xff && (code[at + 1] & 0xf8) == 0xe0) {
            // jmp *%r64
            return words == 1 ? word : 0;
        }
    }
    return 0;
#elif defined(__aarch64__)
    // Written by the architecture's manual, and never run: the probe that follows proves or refuses it.
    uintptr_t pages[32] = {0};
    uintptr_t word = 0;
    int words = 0;
    for (int at = 0; at + 4 <= FUNCTION_BYTES; at += 4) {
        uint32_t instruction;
        memcpy(&instruction, code + at, sizeof(instruction));
        if ((instruction & 0x9f000000) == 0x90000000) {
            // adrp: 21 bits of pages, the lowest two apart.
            int64_t offset = (int64_t)(instruction >> 5 & 0x7ffff) << 2 | (instruction >> 29 & 3);
            offset = (int64_t)((uint64_t)offset << 43) >> 43;
            pages[instruction & 31] = (((uintptr_t)code + (uintptr_t)at) & ~(uintptr_t)0xfff) + (uintptr_t)(offset * 4096);
        } else if ((instruction & 0xffc00000) == 0xf9400000 && pages[instruction >> 5 & 31] != 0) {
            // ldr x, [x, #offset]
            word = pages[instruction >> 5 & 31] + (instruction >> 10 & 0xfff) * 8;
            words++;
        } else if ((instruction & 0xfffffc1f) == 0xd61f0000) {
            // br x
            return words == 1 ? word : 0;
        }
    }
    return 0;
#else
    (void)code;
    return 0;
#endif
}

lw_enqueue_function *lw_job_find_enqueue_word(void) {
    const uint8_t *code = (const uint8_t *)(uintptr_t)&swift_task_enqueueOnDispatchQueue;
    uintptr_t word = loaded_word(code);
    if (word == 0 || word % sizeof(void *) != 0) return NULL;
    struct placement placement = {.code = (uintptr_t)code, .word = word};
    // First that the word is mapped at all, then what it holds.
    dl_iterate_phdr(place, &placement);
    if (!placement.is_word_writable || placement.is_word_protected) return NULL;
    placement.value = __atomic_load_n((uintptr_t *)word, __ATOMIC_ACQUIRE);
    dl_iterate_phdr(place, &placement);
    return placement.is_value_code ? (lw_enqueue_function *)word : NULL;
}
