// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

/// Everything, one after another: each test compares what a process of its own does with its time.
@Suite("Accounting", .serialized) enum Accounting {}
