// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// `/warnings`: the latest, those since one, and those to come.
struct WarningsEndpoint: Sendable {
    private let ring: WarningRing
    private let lifetime: WatchLifetime
    private let writer: WarningJSONWriter
    private var boot: String { writer.boot }

    init(writer: WarningJSONWriter, ring: WarningRing, lifetime: WatchLifetime) {
        self.ring = ring
        self.lifetime = lifetime
        self.writer = writer
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        do throws(WarningsQuery.Problem) {
            let query = try WarningsQuery(request, boot: boot)
            return query.follows ? stream(query) : snapshot(query)
        } catch {
            return .text(400, "400 Bad Request: \(error.text).\n", handler: "warnings")
        }
    }

    private func snapshot(_ query: WarningsQuery) -> HTTPResponse {
        let first = firstSequence(query)
        let excerpt = ring.reports(after: first, limit: Limits.warningsKept)
        let reports = Array(excerpt.reports.filter(query.includes).suffix(query.limit))
        var body: [UInt8] = []
        let contentType: String
        switch query.form {
        case .text:
            contentType = "text/plain; charset=utf-8"
            for report in reports { WarningLineWriter.write(report, into: &body) }
        case .ndjson, .sse:
            contentType = "application/x-ndjson"
            writer.writeLines(reports, into: &body)
        case .json:
            contentType = "application/json"
            let lost = excerpt.oldest > first + 1 ? excerpt.oldest - first - 1 : 0
            writer.writeDocument(
                reports,
                oldest: excerpt.oldest == 0 ? nil : excerpt.oldest,
                newest: excerpt.newest == 0 ? nil : excerpt.newest,
                lost: lost,
                into: &body
            )
        }
        return HTTPResponse(
            status: 200,
            contentType: contentType,
            body: body,
            handler: "warnings",
            headers: [(name: "Vary", value: "Accept")]
        )
    }

    private func stream(_ query: WarningsQuery) -> HTTPResponse {
        let contentType =
            switch query.form {
            case .sse: "text/event-stream"
            case .text: "text/plain; charset=utf-8"
            case .json, .ndjson: "application/x-ndjson"
            }
        let follower = WarningFollower(
            query: query,
            from: firstSequence(query),
            ring: ring,
            writer: writer,
            lifetime: lifetime
        )
        return HTTPResponse(
            status: 200,
            headers: [
                (name: "Content-Type", value: contentType),
                (name: "X-Accel-Buffering", value: "no"),
                (name: "Vary", value: "Accept"),
            ],
            body: .stream(follower),
            handler: "warnings"
        )
    }

    /// The number after which the answer begins.
    private func firstSequence(_ query: WarningsQuery) -> UInt64 {
        switch query.start {
        case .after(let sequence):
            // A number that this run has not reached was given by another: everything is new.
            return sequence > ring.reports(after: 0, limit: 1).newest ? 0 : sequence
        case .otherRun: return 0
        case .last(let nanoseconds):
            let earliest = Clock.unixNanoseconds() - nanoseconds
            let kept = ring.reports(after: 0, limit: Limits.warningsKept)
            return kept.reports.last { $0.unixNanoseconds < earliest }?.sequence
                ?? (kept.oldest > 0 ? kept.oldest - 1 : 0)
        case .latest:
            guard query.follows else { return 0 }
            let matching = ring.reports(after: 0, limit: Limits.warningsKept).reports.filter(query.includes)
            guard let first = matching.suffix(query.limit).first else {
                return ring.reports(after: 0, limit: 1).newest
            }
            return first.sequence - 1
        }
    }
}
