// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// What is answered under which path: an exact table, and one folder, `/stalls/`.
struct EndpointResponder: HTTPResponder {
    private let builder: SnapshotBuilder
    private let recorder: HistoryRecorder
    private let status: StatusEndpoint
    private let warnings: WarningsEndpoint
    private let health: HealthEndpoint
    private let profile: ProfileEndpoint

    init(
        process: String,
        ring: WarningRing,
        profile: ProfileStore,
        builder: SnapshotBuilder,
        health: WatchdogHealth,
        lifetime: WatchLifetime
    ) {
        self.builder = builder
        // Its name makes ids of warnings unique over the runs of a process.
        let boot = String(UInt32.random(in: 0x1000_0000...(.max)), radix: 16)
        let writer = WarningJSONWriter(process: process, processIdentifier: getpid(), boot: boot)
        recorder = HistoryRecorder(builder: builder, now: Clock.now())
        status = StatusEndpoint(builder: builder, ring: ring, recorder: recorder, writer: writer)
        warnings = WarningsEndpoint(writer: writer, ring: ring, lifetime: lifetime)
        self.profile = ProfileEndpoint(process: process, store: profile)
        self.health = HealthEndpoint(builder: builder, health: health, lifetime: lifetime)
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        switch request.path {
        case "/": status.index(request)
        case "/status": status.status(request)
        case "/metrics": metrics(request)
        case "/warnings": warnings.respond(to: request)
        case "/stalls": profile.stalls(request)
        case let path where path.hasPrefix(Self.stallPrefix):
            profile.stall(path.dropFirst(Self.stallPrefix.count), request)
        case "/profile": profile.profile(request)
        case "/debug/pprof/block": profile.goBlockProfile(request)
        case "/livez", "/healthz", "/-/healthy": health.live(request)
        case "/readyz", "/-/ready": health.ready(request)
        default:
            .text(
                404,
                "404 Not Found: there are /, /status, /metrics, /warnings, /stalls, /profile, /debug/pprof/block, /livez and "
                    + "/readyz.\n",
                handler: "other"
            )
        }
    }

    func turn(at now: MonotonicInstant) { recorder.turn(at: now) }

    private func metrics(_ request: HTTPRequest) -> HTTPResponse {
        let (format, contentType) = ExpositionFormat.negotiate(accept: request.header("accept"))
        var body: [UInt8] = []
        format.write(builder.snapshot(), into: &body)
        return HTTPResponse(
            status: 200,
            contentType: contentType,
            body: body,
            handler: "metrics",
            headers: [(name: "Vary", value: "Accept")]
        )
    }

    /// What the path of one stack begins with.
    private static let stallPrefix = "/stalls/"
}

extension HTTPResponse {
    /// A short answer in plain text.
    static func text(_ status: Int, _ text: String, handler: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            contentType: "text/plain; charset=utf-8",
            body: Array(text.utf8),
            handler: handler
        )
    }
}

extension HTTPSnapshot {
    /// Takes over the server's counters.
    init(_ statistics: HTTPStatistics) {
        self.init(
            requests: statistics.requests.map {
                RequestCount(handler: $0.handler, code: $0.code, count: UInt64($0.count))
            },
            connections: statistics.openConnections,
            rejected: statistics.rejections.map { (reason: $0.reason.rawValue, count: UInt64($0.count)) }
        )
    }
}
