// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// Everything that watches real threads: one test after another, because the tests would blame each other's load.
@Suite("A live watch", .serialized)
enum Live {}

/// Whether the tests run under ThreadSanitizer, whose own threads keep a process from ever being quiet.
let isSanitized = dlsym(nil, "__tsan_init") != nil
