// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// What is answered under which path: an exact table, and one folder, `/stalls/`.
struct EndpointResponder: HTTPResponder {
    private let builder: SnapshotBuilder
    private let ring: WarningRing
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
        self.ring = ring
        warnings = WarningsEndpoint(process: process, ring: ring, lifetime: lifetime)
        self.profile = ProfileEndpoint(process: process, store: profile)
        self.health = HealthEndpoint(builder: builder, health: health, lifetime: lifetime)
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        switch request.path {
        case "/": index(request)
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
                "404 Not Found: there are /, /metrics, /warnings, /stalls, /profile, /debug/pprof/block, /livez and "
                    + "/readyz.\n",
                handler: "other"
            )
        }
    }

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

    private func index(_ request: HTTPRequest) -> HTTPResponse {
        let reports = ring.reports(after: 0, limit: Self.reportsOnIndex).reports
        var body: [UInt8] = []
        let vary = (name: "Vary", value: "Accept")
        guard request.header("accept")?.lowercased().contains("text/html") == true else {
            StatusTextWriter.write(builder.snapshot(), reports: reports, into: &body)
            return HTTPResponse(
                status: 200,
                contentType: "text/plain; charset=utf-8",
                body: body,
                handler: "index",
                headers: [vary]
            )
        }
        StatusPageWriter.write(builder.snapshot(), reports: reports, into: &body)
        return HTTPResponse(
            status: 200,
            contentType: "text/html; charset=utf-8",
            body: body,
            handler: "index",
            headers: [
                vary,
                (name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'"),
                (name: "X-Frame-Options", value: "DENY"),
                (name: "Referrer-Policy", value: "no-referrer"),
            ]
        )
    }

    /// What the path of one stack begins with.
    private static let stallPrefix = "/stalls/"
    /// Warnings that the page shows.
    private static let reportsOnIndex = 20
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
