// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Starts the watch of a command.
enum WatchStart {
    /// Starts a watch; at a port that the system chooses when the standard one is taken and nobody asked for it.
    ///
    /// - Parameters:
    ///   - settings: how to watch.
    ///   - isEndpointChosen: whether someone asked for the endpoint's address, so that no other will do.
    /// - Throws: ``CommandError`` where a value is not allowed, or the chosen address cannot be had.
    static func start(_ settings: WatchConfiguration, isEndpointChosen: Bool) throws(CommandError) -> Loopwatch {
        guard let wanted = settings.endpoint, let reason = reason(against: wanted) else {
            let watch = try start(settings)
            // Someone else may have taken the address since.
            if isEndpointChosen, let wanted = settings.endpoint, watch.endpointAddress == nil {
                watch.stop()
                throw .unavailable("nothing can listen at \(wanted) any more.")
            }
            return watch
        }
        guard !isEndpointChosen else {
            throw .unavailable("nothing can listen at \(wanted): \(reason).")
        }
        var settings = settings
        settings.endpoint = .tcp(host: "127.0.0.1", port: 0)
        let watch = try start(settings)
        let address = watch.endpointAddress.map { "at \($0) instead" } ?? "nowhere"
        Console(.standardError).line("loopwatch: the endpoint listens \(address): \(reason).")
        return watch
    }

    /// Makes sure that what watches and what reports runs: a service without them is none, and must not say that it is ready.
    ///
    /// - Throws: ``CommandError`` that names what is missing; why has been told in the log.
    static func requireParts(of watch: Loopwatch) throws(CommandError) {
        let missing = missingParts(watch.snapshot().components)
        guard !missing.isEmpty else { return }
        watch.stop()
        throw .unavailable("nothing can be watched: \(missing.joined(separator: " and ")) cannot be started.")
    }

    /// Which of the parts that nothing works without are not there.
    static func missingParts(_ components: [ComponentSnapshot]) -> [String] {
        ["reports", "watchdog"].filter { name in !components.contains { $0.name == name && $0.isUp } }
    }

    private static func start(_ settings: WatchConfiguration) throws(CommandError) -> Loopwatch {
        do throws(ConfigurationError) {
            return try Loopwatch.start(settings)
        } catch {
            throw .configuration(error)
        }
    }

    /// Why nothing can listen at an address; `nil` if something can.
    private static func reason(against address: EndpointAddress) -> String? {
        do {
            try ListeningSocket(address: address, backlog: 1).close()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
