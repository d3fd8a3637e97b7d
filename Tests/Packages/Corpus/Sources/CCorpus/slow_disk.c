// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CCorpus.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int corpus_mount_slow_disk(int device, const char *path) {
    char options[96];
    // The root of the file system is a regular file, so there is nothing to look up.
    snprintf(options, sizeof options, "fd=%d,rootmode=%o,user_id=0,group_id=0", device, S_IFREG | 0600);
    return mount("corpus", path, "fuse", MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
}

int corpus_detach_slow_disk(const char *path) {
    return umount2(path, MNT_DETACH);
}

static void answer(int device, uint64_t unique, int error, const void *body, size_t size) {
    struct fuse_out_header header = {.len = (uint32_t)(sizeof header + size), .error = error, .unique = unique};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)body, size}};
    if (writev(device, parts, size > 0 ? 2 : 1) < 0) return;
}

void corpus_serve_slow_disk(int device, int64_t nanoseconds) {
    static const size_t least = FUSE_MIN_READ_BUFFER + 4096;
    char request[FUSE_MIN_READ_BUFFER + 4096] __attribute__((aligned(8)));
    for (;;) {
        ssize_t count = read(device, request, least);
        if (count < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
        if (count < (ssize_t)sizeof(struct fuse_in_header)) return;
        struct fuse_in_header *header = (struct fuse_in_header *)request;
        switch (header->opcode) {
        case FUSE_INIT: {
            struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
            answer(device, header->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_GETATTR: {
            struct fuse_attr_out out = {.attr = {.ino = 1, .mode = S_IFREG | 0600, .nlink = 1, .blksize = 4096}};
            answer(device, header->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPEN: {
            struct fuse_open_out out = {.fh = 1};
            answer(device, header->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_FSYNC: {
            struct timespec length = {nanoseconds / 1000000000, nanoseconds % 1000000000};
            nanosleep(&length, NULL);
            answer(device, header->unique, 0, NULL, 0);
            break;
        }
        case FUSE_FLUSH:
        case FUSE_RELEASE:
        case FUSE_ACCESS: answer(device, header->unique, 0, NULL, 0); break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT: break;
        case FUSE_DESTROY: return;
        default: answer(device, header->unique, -ENOSYS, NULL, 0);
        }
    }
}
