// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#ifndef CJOB_COST_H
#define CJOB_COST_H

#include <stdint.h>

/// What accounting adds to one job, in nanoseconds: both of its functions, around a runtime that does nothing. Only while no
/// watch runs.
double job_cost_nanoseconds(uint32_t jobs);

#endif
