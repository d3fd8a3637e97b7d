// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CALLOCATION_COUNTER_H
#define CALLOCATION_COUNTER_H

#include <stdint.h>

/// How often memory was allocated in this process, but for the threads of Loopwatch ("lw-..."), which are to be alive when
/// this is called. It takes the place of the C library's `malloc` and its kin, and calls those.
uint64_t allocations_of_host(void);

#endif
