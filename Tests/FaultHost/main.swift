// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch

// A server in which Loopwatch is embedded and that things go wrong with: `fault-host LOOPS [--own-handler]`, configured by
// LOOPWATCH_... variables. See Session for its commands, and Tests/Faults for who gives them.

signal(SIGPIPE, SIG_IGN)
guard CommandLine.arguments.count > 1, let count = Int(CommandLine.arguments[1]), count > 0 else {
    Told.line("usage: fault-host LOOPS [--own-handler]")
    exit(64)
}
if CommandLine.arguments.contains("--own-handler") { Faults.handleProfilingSignal() }
var environment: [String: String] = [:]
var entry = environ
while let text = entry.pointee {
    let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
    entry += 1
}
let configuration = try WatchConfiguration(environment: environment)
let components = configuration.thresholds.warning.components
let threshold = components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
let watch = try Loopwatch.start(configuration)
let session = Session(watch, loops: count, thresholdNanoseconds: threshold)
// What is read when a program starts is read, and the loops have gone to sleep.
usleep(1_000_000)
Told.line("READY \(watch.endpointAddress.map { "\($0)" } ?? "none")")
while let line = Told.nextLine() { session.perform(line) }
watch.stop()
