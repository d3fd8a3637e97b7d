// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// `/` and `/status`: what is blocked now, and what the last minutes were like, as page, as text and as JSON.
struct StatusEndpoint: Sendable {
    private let builder: SnapshotBuilder
    private let ring: WarningRing
    private let recorder: HistoryRecorder
    private let json: StatusJSONWriter

    init(builder: SnapshotBuilder, ring: WarningRing, recorder: HistoryRecorder, writer: WarningJSONWriter) {
        self.builder = builder
        self.ring = ring
        self.recorder = recorder
        json = StatusJSONWriter(warnings: writer)
    }

    /// `/`: the page for a browser, JSON for who asks for it, and text for everyone else.
    func index(_ request: HTTPRequest) -> HTTPResponse {
        let accept = request.header("accept")?.lowercased() ?? ""
        let vary = (name: "Vary", value: "Accept")
        var body: [UInt8] = []
        if accept.contains("text/html") {
            StatusPageWriter.write(status, into: &body)
            return HTTPResponse(
                status: 200,
                contentType: StatusPageWriter.contentType,
                body: body,
                handler: "index",
                headers: [vary] + StatusPageWriter.headers
            )
        }
        if accept.contains("application/json") {
            json.write(status, points: 0, into: &body)
            return HTTPResponse(
                status: 200,
                contentType: StatusJSONWriter.contentType,
                body: body,
                handler: "index",
                headers: [vary]
            )
        }
        let reports = ring.reports(after: 0, limit: Self.reportsInText).reports
        StatusTextWriter.write(builder.snapshot(), reports: reports, into: &body)
        return HTTPResponse(
            status: 200,
            contentType: StatusTextWriter.contentType,
            body: body,
            handler: "index",
            headers: [vary]
        )
    }

    /// `/status`: JSON, whatever is asked for.
    func status(_ request: HTTPRequest) -> HTTPResponse {
        var points: Int?
        for (name, value) in request.query {
            guard name == "history" else {
                return problem("there is no parameter '\(name)'; there is history")
            }
            guard points == nil else { return problem("the parameter history is given twice") }
            guard let number = Int(value), (0...Limits.historyPoints).contains(number) else {
                return problem("history is a number from 0 to \(Limits.historyPoints), not '\(value)'")
            }
            points = number
        }
        var body: [UInt8] = []
        json.write(status, points: points ?? 0, into: &body)
        return HTTPResponse(status: 200, contentType: StatusJSONWriter.contentType, body: body, handler: "status")
    }

    private var status: WatchStatus {
        WatchStatus(
            snapshot: builder.snapshot(),
            history: recorder.history,
            reports: ring.reports(after: 0, limit: Limits.warningsKept).reports,
            now: Clock.now()
        )
    }

    private func problem(_ text: String) -> HTTPResponse {
        .text(400, "400 Bad Request: \(text).\n", handler: "status")
    }

    /// Warnings that the text shows.
    private static let reportsInText = 20
}
