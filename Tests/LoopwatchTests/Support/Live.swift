// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

/// Everything that watches real threads: one test after another, because the tests would blame each other's load.
@Suite("A live watch", .serialized)
enum Live {}
