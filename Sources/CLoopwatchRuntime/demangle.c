// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#include "CLoopwatchRuntime.h"

char *swift_demangle(const char *name, size_t length, char *buffer, size_t *buffer_size, uint32_t flags);

char *lw_demangle(const char *name, size_t length) { return swift_demangle(name, length, NULL, NULL, 0); }
