// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLoopwatchRuntime.h"
#include <dlfcn.h>

const char *lw_module_path(uintptr_t address) {
    Dl_info information;
    return dladdr((const void *)address, &information) != 0 ? information.dli_fname : NULL;
}
