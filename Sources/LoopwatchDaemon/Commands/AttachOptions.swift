// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// What the command line says about how other processes are watched; what it does not say is `nil`.
struct WatchOptions: Equatable {
    /// Where the endpoint listens.
    var endpoint: EndpointAddress?
    /// Whether there is to be no endpoint.
    var isEndpointOff = false
    /// From which length on a block is reported.
    var threshold: Duration?
    /// A file to which the warnings are appended.
    var logPath: String?
    /// What to call the processes.
    var name: String?
    /// Whether threads may be stopped, for some 50 us, where their stacks cannot be read otherwise.
    var allowsStop = true
    /// Which evidence to use; `nil` for the cheapest that is exact.
    var rung: EvidenceRung?
}

/// What the command line says about `loopwatch attach`.
struct AttachOptions: Equatable {
    /// Which processes.
    var selector: ProcessSelector
    /// For how long; `nil` for as long as they run.
    var duration: Duration?
    /// Whether their children are watched too.
    var followsChildren = true
    /// How.
    var watch = WatchOptions()
}

/// What the command line says about `loopwatch exec`.
struct ExecOptions: Equatable {
    /// The program and its arguments.
    var command: [String]
    /// How it is watched.
    var watch = WatchOptions()
}

/// What the command line says about `loopwatch run`.
struct RunOptions: Equatable {
    /// The configuration file.
    var path: String
    /// For how long; `nil` until a signal comes.
    var duration: Duration?
}
