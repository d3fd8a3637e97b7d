// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

/// What runs one after another: the samples that look for blocks would find those of other tests.
@Suite(.serialized)
enum Serial {}
