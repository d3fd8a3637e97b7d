// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// The watch of a command that prints warnings as they come.
enum WatchOutput {
    /// Starts it, and says where its endpoint is.
    static func start(_ configuration: AttachConfiguration, output: Console) throws(CommandError) -> Loopwatch {
        var settings = configuration.watch
        settings.log.append(.closure { _, line in output.line(line) })
        let watch = try WatchStart.start(settings, isEndpointChosen: configuration.isEndpointChosen)
        if let address = watch.endpointAddress { output.line("loopwatch: metrics and warnings at \(address.text)") }
        return watch
    }
}
