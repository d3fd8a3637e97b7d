// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition

/// What `/status` of an endpoint says, as far as a table shows it.
struct StatusPicture: Equatable {
    /// A loop or a pool.
    struct Target: Equatable {
        /// `loop` or `pool`.
        var subject: String
        /// Its name, with that of its process where that is another one.
        var name: String
        /// For how long it has been blocked, in nanoseconds; `nil` if it is not.
        var blockedNanoseconds: Int64?
        /// Why it is blocked, where that is known.
        var cause: String?
        /// Where it is blocked, where that is known.
        var place: String?
        /// Half of the lags are below it, in nanoseconds; `nil` where nothing was measured.
        var lagMedianNanoseconds: Int64?
        /// Of a hundred lags, 99 are below it, in nanoseconds; `nil` where nothing was measured.
        var lagNinetyNinthNanoseconds: Int64?
        /// The longest lag, in nanoseconds.
        var lagMaximumNanoseconds: Int64?
        /// Stalls that have ended.
        var stalls: UInt64 = 0
        /// Blocked time in all, in nanoseconds.
        var totalNanoseconds: Int64 = 0
        /// Of a pool: what waits, where it tells.
        var waiting: Int64?
        /// Of a pool: threads at work, where it tells.
        var busy: Int64?
        /// Of a pool: the most threads it may have, where it tells.
        var threads: Int64?
    }

    /// What tells the runs of the server apart.
    var run: String
    /// The version of Loopwatch there.
    var version: String
    /// The process it runs in.
    var process: String
    /// The number of that.
    var processIdentifier: Int64
    /// When the picture was taken, as the server says it.
    var time: String
    /// Loops, then pools, in the order of registration.
    var targets: [Target]
    /// Parts of Loopwatch that were asked for and do not run.
    var down: [String]

    /// Reads a document; `nil` for what is none.
    init?(_ document: JSON5Value) {
        guard let run = document["boot"]?.string, let process = document["process"]?.string,
            document["loops"] != nil, document["pools"] != nil
        else { return nil }
        self.run = run
        self.process = SafeText.line(process)
        version = SafeText.line(document["version"]?.string ?? "")
        processIdentifier = document["pid"]?.integer ?? 0
        time = SafeText.line(document["time"]?.string ?? "")
        targets =
            (document["loops"]?.elements ?? []).map { Target($0, subject: "loop") }
            + (document["pools"]?.elements ?? []).map { Target($0, subject: "pool") }
        down = (document["components"]?.elements ?? [])
            .filter { $0["up"]?.boolean == false }
            .map { SafeText.line($0["name"]?.string ?? "") }
    }
}

extension StatusPicture.Target {
    fileprivate init(_ object: JSON5Value, subject: String) {
        self.subject = subject
        name = SafeText.line(object["name"]?.string ?? "")
        if object["remote"] != nil, let process = object["process"]?.string {
            name = SafeText.line(process) + "/" + name
        }
        if object["state"]?.string == "blocked" {
            let current = object["current"]
            blockedNanoseconds = current?["blocked_ms"]?.nanosecondsOfMilliseconds ?? 0
            cause = (current?["cause"]?.string).map(SafeText.line)
            let stack = current.flatMap { WarningJSONReader.stack(of: $0) }
            place = stack?.blamed.map { SafeText.line(StackLineWriter.place(of: $0)) }
        }
        lagMedianNanoseconds = object["lag"]?["p50_ms"]?.nanosecondsOfMilliseconds
        lagNinetyNinthNanoseconds = object["lag"]?["p99_ms"]?.nanosecondsOfMilliseconds
        lagMaximumNanoseconds = object["lag"]?["max_ms"]?.nanosecondsOfMilliseconds
        for level in Severity.allCases { stalls &+= object["stalls"]?[level.label]?.unsigned ?? 0 }
        totalNanoseconds = object["blocked_ms"]?.nanosecondsOfMilliseconds ?? 0
        waiting = object["waiting"]?.integer
        busy = object["busy"]?.integer
        threads = object["threads"]?.integer
    }
}
