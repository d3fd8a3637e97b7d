// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// The small host that footprint-plain is too, with Loopwatch: `footprint-watched linked|default|everything`. `linked` does
// not start it; `default` is what one line starts; with `everything` its loops and the main actor are watched as well.
// Environment variables are read as by any host.

import FootprintHost
import Loopwatch

let host = FootprintHost()
var watch: Loopwatch?
if CommandLine.arguments.last != "linked" {
    let started = try Loopwatch.start()
    if CommandLine.arguments.last == "everything" {
        started.add(.mainActor())
        for (index, loop) in host.loops.enumerated() { started.add(.loop("loop-\(index)") { loop.execute($0) }) }
    }
    watch = started
}
host.work()
host.serve()
watch?.stop()
