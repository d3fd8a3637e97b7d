// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// The profile of blocked time: `/stalls`, `/stalls/ID`, `/profile` and `/debug/pprof/block`.
///
/// All of them show what was blocked since the watch began. Two answers can be subtracted: `go tool pprof -base`, or a
/// collector that does so by itself.
struct ProfileEndpoint: Sendable {
    private let process: String
    private let store: ProfileStore

    init(process: String, store: ProfileStore) {
        self.process = process
        self.store = store
    }

    /// `/stalls`: the stacks with the most blocked time, as a table or as JSON.
    func stalls(_ request: HTTPRequest) -> HTTPResponse {
        answer("stalls") { () throws(ProfileQuery.Problem) in
            let query = try ProfileQuery(request, forms: [.text, .json], allowsLimit: true)
            let unix = Clock.unixNanoseconds()
            var body: [UInt8] = []
            guard query.form == .json else {
                StallTableWriter.write(store.profile, limit: query.limit, unixNanoseconds: unix, into: &body)
                return response(StallTableWriter.contentType, body, "stalls", isNegotiated: true)
            }
            ProfileJSONWriter.write(
                store.profile,
                process: process,
                unixNanoseconds: unix,
                limit: query.limit,
                writesFrames: false,
                into: &body
            )
            return response(ProfileJSONWriter.contentType, body, "stalls", isNegotiated: true)
        }
    }

    /// `/stalls/ID`: one stack in full, as text or as JSON.
    func stall(_ identifier: Substring, _ request: HTTPRequest) -> HTTPResponse {
        answer("stalls") { () throws(ProfileQuery.Problem) in
            let query = try ProfileQuery(request, forms: [.text, .json])
            guard let fingerprint = Stack.fingerprint(ofIdentifier: String(identifier)) else {
                let text = "404 Not Found: a stack's id has 16 hexadecimal digits; /stalls has them.\n"
                return .text(404, text, handler: "stalls")
            }
            guard let entry = store.profile[fingerprint] else {
                let text =
                    "404 Not Found: no such stack is in the profile, or none any more; /stalls has those that are.\n"
                return .text(404, text, handler: "stalls")
            }
            var body: [UInt8] = []
            if query.form == .json {
                ProfileJSONWriter.write(entry, into: &body)
            } else {
                StallTableWriter.write(entry, into: &body)
            }
            let contentType = query.form == .json ? ProfileJSONWriter.contentType : StallTableWriter.contentType
            return response(contentType, body, "stalls", isNegotiated: true)
        }
    }

    /// `/profile`: the whole profile, as folded stacks, pprof, a flame graph or JSON.
    func profile(_ request: HTTPRequest) -> HTTPResponse {
        answer("profile") { () throws(ProfileQuery.Problem) in
            let query = try ProfileQuery(request, forms: [.folded, .pprof, .svg, .json, .flame])
            let profile = store.profile
            let unix = Clock.unixNanoseconds()
            var body: [UInt8] = []
            switch query.form {
            case .folded, .text:
                FoldedStackWriter.write(profile, into: &body)
                return response(FoldedStackWriter.contentType, body, "profile", isNegotiated: true)
            case .pprof: return pprof(profile, handler: "profile")
            case .svg:
                FlameGraphWriter.write(profile, process: process, unixNanoseconds: unix, into: &body)
                return response(FlameGraphWriter.contentType, body, "profile", headers: FlameGraphWriter.headers)
            case .json:
                ProfileJSONWriter.write(
                    profile,
                    process: process,
                    unixNanoseconds: unix,
                    writesFrames: true,
                    into: &body
                )
                return response(ProfileJSONWriter.contentType, body, "profile", isNegotiated: true)
            case .flame:
                FlameJSONWriter.write(profile, process: process, unixNanoseconds: unix, into: &body)
                return response(FlameJSONWriter.contentType, body, "profile", isNegotiated: true)
            }
        }
    }

    /// `/debug/pprof/block`: the profile where collectors of Go programs look for it.
    ///
    /// `seconds` is accepted and changes nothing: the profile is cumulative, as Go's is without the parameter, because the
    /// only thread of the server does not wait for one client. `debug=1` is the table of `/stalls`.
    func goBlockProfile(_ request: HTTPRequest) -> HTTPResponse {
        answer("pprof") { () throws(ProfileQuery.Problem) in
            let profile = store.profile
            guard try ProfileQuery.readsTextOfGo(request) else { return pprof(profile, handler: "pprof") }
            var body: [UInt8] = []
            StallTableWriter.write(
                profile,
                limit: Limits.profileStacks,
                unixNanoseconds: Clock.unixNanoseconds(),
                into: &body
            )
            return response(StallTableWriter.contentType, body, "pprof")
        }
    }

    private func pprof(_ profile: StallProfile, handler: String) -> HTTPResponse {
        var body: [UInt8] = []
        PprofWriter.write(profile, process: process, unixNanoseconds: Clock.unixNanoseconds(), into: &body)
        let attachment = (name: "Content-Disposition", value: "attachment; filename=\"block.pb.gz\"")
        return response(PprofWriter.contentType, body, handler, headers: [attachment])
    }

    private func response(
        _ contentType: String,
        _ body: [UInt8],
        _ handler: String,
        isNegotiated: Bool = false,
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: 200,
            contentType: contentType,
            body: body,
            handler: handler,
            headers: (isNegotiated ? [(name: "Vary", value: "Accept")] : []) + headers
        )
    }

    /// Answers, or says what is wrong with the question.
    private func answer(
        _ handler: String,
        _ body: () throws(ProfileQuery.Problem) -> HTTPResponse
    ) -> HTTPResponse {
        do throws(ProfileQuery.Problem) {
            return try body()
        } catch {
            return .text(400, "400 Bad Request: \(error.text).\n", handler: handler)
        }
    }
}
