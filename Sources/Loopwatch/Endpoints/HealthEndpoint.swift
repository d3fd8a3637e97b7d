// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// `/livez` and `/readyz`: the health of the watch itself.
///
/// A blocked loop never makes a watch unhealthy, because restarting the watch would not unblock it.
struct HealthEndpoint: Sendable {
    private struct Check {
        var name: String
        var problem: String?
    }

    private let builder: SnapshotBuilder
    private let health: WatchdogHealth
    private let lifetime: WatchLifetime

    /// A watchdog that is later than this is not alive, in nanoseconds.
    private static let latenessNanosecondsMost: Int64 = 5_000_000_000

    init(builder: SnapshotBuilder, health: WatchdogHealth, lifetime: WatchLifetime) {
        self.builder = builder
        self.health = health
        self.lifetime = lifetime
    }

    /// Alive while the watchdog keeps its own schedule.
    func live(_ request: HTTPRequest) -> HTTPResponse {
        answer([watchdogCheck()], request, handler: "livez")
    }

    /// Ready while it is alive, was not told to stop, and every part that was asked for runs.
    func ready(_ request: HTTPRequest) -> HTTPResponse {
        var checks = [watchdogCheck()]
        checks.append(Check(name: "running", problem: lifetime.isStopping ? "the watch is stopping" : nil))
        for component in builder.components {
            checks.append(
                Check(name: component.name, problem: component.isUp ? nil : "it could not be started or fails")
            )
        }
        return answer(checks, request, handler: "readyz")
    }

    private func watchdogCheck() -> Check {
        let (_, next) = health.schedule
        guard let next else { return Check(name: "watchdog") }
        let late = Clock.now().nanoseconds(since: next)
        guard late > Self.latenessNanosecondsMost else { return Check(name: "watchdog") }
        let blame = health.targetBeingCalled.map { ", held up by a closure of target '\($0)'" } ?? ""
        return Check(name: "watchdog", problem: "it is \(late / 1_000_000) ms late\(blame)")
    }

    private func answer(_ checks: [Check], _ request: HTTPRequest, handler: String) -> HTTPResponse {
        guard request.query.allSatisfy({ $0.name == "verbose" }) else {
            return .text(400, "400 Bad Request: the only parameter is verbose.\n", handler: handler)
        }
        let isWell = checks.allSatisfy { $0.problem == nil }
        var text = ""
        if !request.query.isEmpty || !isWell {
            for check in checks {
                text += check.problem.map { "[-]\(check.name) failed: \($0)\n" } ?? "[+]\(check.name) ok\n"
            }
        }
        text += isWell ? "ok\n" : "failed\n"
        return .text(isWell ? 200 : 503, text, handler: handler)
    }
}
