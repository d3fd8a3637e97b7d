// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int lw_is_mapped(const void *address) {
    unsigned char resident;
    uintptr_t page = (uintptr_t)address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    // ENOMEM: nothing is mapped there (mincore(2)). Other errors say nothing.
    return mincore((void *)page, 1, &resident) == 0 || errno != ENOMEM;
}

// Modules that were there when this one began: with the program, unless this one is in a library that it loaded later. The
// loader lists modules in the order in which they were loaded, and never unloads those that it loaded before main().
static uint32_t permanent_modules;

static int count_module(struct dl_phdr_info *info, size_t size, void *context) {
    (void)info;
    (void)size;
    *(uint32_t *)context += 1;
    return 0;
}

__attribute__((constructor)) static void count_permanent_modules(void) {
    uint32_t count = 0;
    dl_iterate_phdr(count_module, &count);
    permanent_modules = count;
}

struct listing {
    struct lw_module_piece *pieces;
    size_t capacity;
    size_t count;
    uint32_t module;
    struct lw_module_counts counts;
};

static int note_counts(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    struct lw_module_counts *counts = context;
    counts->loaded = info->dlpi_adds;
    counts->unloaded = info->dlpi_subs;
    return 1;
}

static int note_module(struct dl_phdr_info *info, size_t size, void *context) {
    struct listing *listing = context;
    note_counts(info, size, &listing->counts);
    for (int index = 0; index < info->dlpi_phnum; index += 1) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[index];
        if (header->p_type != PT_LOAD && header->p_type != PT_GNU_EH_FRAME) continue;
        if (listing->count < listing->capacity) {
            struct lw_module_piece *piece = &listing->pieces[listing->count];
            piece->address = info->dlpi_addr + header->p_vaddr;
            piece->size = header->p_memsz;
            piece->module = listing->module;
            piece->is_unwind_header = header->p_type == PT_GNU_EH_FRAME;
            piece->is_permanent = listing->module < permanent_modules;
            piece->access = header->p_flags & (PF_R | PF_W | PF_X);
        }
        listing->count += 1;
    }
    listing->module += 1;
    return 0;
}

struct lw_module_counts lw_module_counts(void) {
    struct lw_module_counts counts = {0, 0};
    dl_iterate_phdr(note_counts, &counts);
    return counts;
}

size_t lw_list_module_pieces(struct lw_module_piece *pieces, size_t capacity, struct lw_module_counts *counts) {
    struct listing listing = {.pieces = pieces, .capacity = capacity};
    dl_iterate_phdr(note_module, &listing);
    *counts = listing.counts;
    return listing.count;
}
