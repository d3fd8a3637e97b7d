// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing
