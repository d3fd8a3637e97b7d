// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// What the command line says about `loopwatch top`.
struct TopOptions: Equatable {
    /// Where the pictures come from.
    enum Source: Equatable {
        /// An endpoint that runs.
        case endpoint(EndpointLocation)
        /// A process that this program watches itself.
        case process(Int32)
    }

    /// Where the pictures come from.
    var source: Source
    /// Time between two.
    var interval = Duration.seconds(1)
    /// Whether one is enough.
    var isOnce = false
    /// Whether they are printed as JSON.
    var isJSON = false
    /// From which length on a block of a process is reported; `nil` for the default.
    var threshold: Duration?
}

/// What the command line says about `loopwatch tail`.
struct TailOptions: Equatable {
    /// Whose warnings.
    var location: EndpointLocation
    /// Whether they are printed as JSON.
    var isJSON = false
    /// Warnings to begin with; `nil` if nothing is said.
    var limit: Int?
    /// Where to begin; `nil` for the latest.
    var since: WarningStart?
    /// The mildest severity.
    var severity: Severity?
    /// For how long; `nil` until a signal comes.
    var duration: Duration?
}

/// What the command line says about `loopwatch report`.
struct ReportOptions: Equatable {
    /// What is printed.
    enum Form: Equatable {
        /// A list for people.
        case text
        /// A JSON document.
        case json
        /// Folded stacks.
        case folded
        /// An SVG.
        case flameGraph
    }

    /// The files; `-` is standard input.
    var paths: [String]
    /// What is printed.
    var form = Form.text
    /// Most culprits.
    var limit = 20
    /// What was over before is left out.
    var since: TimeText?
    /// What began later is left out.
    var until: TimeText?
}
