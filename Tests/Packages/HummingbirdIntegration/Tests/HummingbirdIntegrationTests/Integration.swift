// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

/// The suites, one test at a time: each blocks or loads the machine that the others would measure.
@Suite("A Hummingbird server that embeds Loopwatch", .serialized, .timeLimit(.minutes(5)))
enum Integration {}
