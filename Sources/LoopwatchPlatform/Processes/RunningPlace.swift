// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What this process runs in, as far as that can be known: who runs it says what it may do.
struct RunningPlace: Equatable {
    /// Whether something says that it is a container.
    var isContainer = false
    /// The systemd service that it belongs to, if it does.
    var unit: String?

    /// Files that engines of containers put into them: Docker's, and that of Podman and its kin.
    private static let markers = ["/.dockerenv", "/run/.containerenv"]

    /// Describes a place.
    init(isContainer: Bool = false, unit: String? = nil) {
        self.isContainer = isContainer
        self.unit = unit
    }

    /// Tells it from what is found.
    ///
    /// - Parameters:
    ///   - hasMarker: whether an engine's file is there.
    ///   - environment: the environment's variables: Kubernetes sets one in each container, others `container`.
    ///   - unit: the unit of the control group; a scope is that of a session or a container, which grants nothing.
    init(hasMarker: Bool, environment: [String: String], unit: String?) {
        isContainer = hasMarker || environment["KUBERNETES_SERVICE_HOST"] != nil || environment["container"] != nil
        // What a user starts in a session of systemd's own is in a scope, or in a service of that user's.
        self.unit = unit.flatMap { $0.hasSuffix(".service") && !$0.hasPrefix("user@") ? $0 : nil }
    }

    /// That of this process.
    static func current() -> RunningPlace {
        RunningPlace(
            hasMarker: markers.contains { access($0, F_OK) == 0 },
            environment: ProcessEnvironment.variables(),
            unit: ProcessList.unit(of: getpid())
        )
    }
}
