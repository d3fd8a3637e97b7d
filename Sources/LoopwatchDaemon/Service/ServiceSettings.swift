// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a service manager says to a service that it started: where it hears, and how soon it takes silence for a hang.
///
/// Source of the format: sd_notify(3) and sd_watchdog_enabled(3).
struct ServiceSettings: Equatable {
    /// The variables by which a service manager says it.
    static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

    /// The datagram socket: a path, or `@` and a name in the abstract namespace.
    var socket: String
    /// Silence after which the service is taken to hang, in nanoseconds; `nil` where nobody minds.
    var watchdogNanoseconds: Int64?

    /// Reads the variables; `nil` without a service manager that hears.
    ///
    /// A time that is no number, or is meant for another process, is as if it were not there.
    ///
    /// - Parameters:
    ///   - environment: the variables.
    ///   - process: the number of this process.
    init?(environment: [String: String], process: Int32) {
        guard let socket = environment["NOTIFY_SOCKET"], !socket.isEmpty else { return nil }
        self.socket = socket
        if let meant = environment["WATCHDOG_PID"], Int32(meant) != process { return }
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0 else { return }
        let (nanoseconds, isTooLong) = microseconds.multipliedReportingOverflow(by: 1_000)
        // Instants are sums with it.
        watchdogNanoseconds = isTooLong ? nil : min(nanoseconds, .max / 4)
    }
}
