// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// The small host that footprint-watched is too, without Loopwatch: see Tests/Compare/footprint.py.

import FootprintHost

let host = FootprintHost()
host.work()
host.serve()
