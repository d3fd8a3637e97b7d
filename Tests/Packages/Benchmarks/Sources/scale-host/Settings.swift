// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch

/// What the host has, as its arguments say.
struct Settings: Sendable {
    var isWatched = true
    /// Threads that wait with epoll_wait.
    var loops = 0
    /// Serial Dispatch queues.
    var queues = 0
    /// Pools of two threads each that beats watch.
    var pools = 0
    /// The same, every work item of which is metered.
    var meters = 0
    /// Threads that nobody watches; each hands ten jobs a second to Swift's pool.
    var threads = 0
    /// Short jobs in a second for each loop, queue and pool.
    var rate = 0
    var thresholdMilliseconds = 50
    /// Stalls of one kind that are written at once; 0 for the default.
    var burst = 0

    /// Takes an argument.
    mutating func take(_ argument: String) {
        let words = argument.split(separator: "=", maxSplits: 1)
        switch (words.first, words.last.flatMap { Int($0) }) {
        case ("watched", _): isWatched = true
        case ("bare", _): isWatched = false
        case ("loops", let number?): loops = number
        case ("queues", let number?): queues = number
        case ("pools", let number?): pools = number
        case ("meters", let number?): meters = number
        case ("threads", let number?): threads = number
        case ("rate", let number?): rate = number
        case ("threshold", let number?): thresholdMilliseconds = number
        case ("burst", let number?): burst = number
        default:
            say("UNKNOWN \(argument)")
            exit(2)
        }
    }

    /// Everything is on; the limits are as far up as these targets need, and never below their defaults.
    var configuration: WatchConfiguration {
        var configuration = WatchConfiguration()
        configuration.thresholds = Thresholds(warning: .milliseconds(thresholdMilliseconds))
        configuration.endpoint = .tcp(host: "127.0.0.1", port: 0)
        // One more for what is added by itself: the main actor, and Swift's pool.
        configuration.loopsLimit = max(configuration.loopsLimit, loops + queues + 1)
        configuration.poolsLimit = max(configuration.poolsLimit, pools + meters + 1)
        if burst > 0 { configuration.reportBurst = burst }
        configuration.log = [.file(path: "/dev/null")]
        return configuration
    }
}

/// Writes a line at once, whole.
func say(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
