// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A host with as many targets as it is told to have: see Tests/Compare/scale.py, which measures it.
//
//   scale-host [watched|bare] [loops=N] [queues=N] [pools=N] [meters=N] [threads=N] [rate=N] [threshold=MS]
//              [burst=N]
//
// Says `READY PORT`, with the port of the endpoint (0 where there is none), and then does what standard input says:
//
//   stalls COUNT RATE LOOPS    so many blocks of 2.5 thresholds, so many in a second, on the last LOOPS loops in turn
//   block LOOPS                blocks the first LOOPS loops, every queue, every thread of every pool, and Swift's pool,
//                              until `free`
//   free                       ends that

import Glibc
import Loopwatch

var settings = Settings()
for argument in CommandLine.arguments.dropFirst() { settings.take(argument) }
let host = ScaleHost(settings)
var watch: Loopwatch?
if settings.isWatched {
    let started = try Loopwatch.start(settings.configuration)
    host.add(to: started)
    watch = started
}
host.start()
// What is read when a program starts is read, and the loops have gone to sleep.
sleep(2)
var port: UInt16 = 0
if case .tcp(_, let bound)? = watch?.endpointAddress { port = bound }
say("READY \(port)")
while let line = readLine() {
    let words = line.split(separator: " ")
    let numbers = words.dropFirst().compactMap { Int($0) }
    switch (words.first, numbers.count) {
    case ("stalls", 3): host.stall(count: numbers[0], rate: numbers[1], onLast: numbers[2])
    case ("block", 1): host.block(first: numbers[0])
    case ("free", 0): host.free()
    default: say("UNKNOWN \(line)")
    }
    say("DONE \(line)")
}
watch?.stop()
