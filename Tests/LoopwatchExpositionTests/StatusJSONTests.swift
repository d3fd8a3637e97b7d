// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("The status as JSON")
struct StatusJSONTests {
    /// The document of a status.
    private static func document(_ status: WatchStatus, points: Int = 0) throws -> JSONValue {
        let writer = WarningJSONWriter(process: status.snapshot.process, processIdentifier: 4711, boot: "a1b2")
        var bytes: [UInt8] = []
        StatusJSONWriter(warnings: writer).write(status, points: points, into: &bytes)
        #expect(bytes.last == 0x0A && bytes.count { $0 == 0x0A } == 1)
        return try JSONValue.parse(bytes)
    }

    private static func status(_ snapshot: WatchSnapshot, reports: [StallReport] = []) -> WatchStatus {
        WatchStatus(
            snapshot: snapshot,
            history: WatchHistory(now: MonotonicInstant(nanoseconds: 0)),
            reports: reports,
            now: MonotonicInstant(nanoseconds: 1_000_000_000)
        )
    }

    /// The first element of a member that is an array.
    private static func elements(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let elements)? = value { elements } else { [] }
    }

    @Test("what is unknown is left out, and what nobody watches is an empty list")
    func empty() throws {
        let document = try Self.document(Self.status(Snapshots.empty()))
        #expect(
            document.names == [
                "schema", "boot", "version", "process", "pid", "time", "blocked", "components", "watchdog", "history",
                "loops", "pools",
            ]
        )
        #expect(document["loops"] == .array([]) && document["pools"] == .array([]))
        #expect(document["history"]?["points"] == .number("180"))
    }

    @Test("a block that goes on has its length, its cause, and what the latest report of it says")
    func current() throws {
        var begun = Snapshots.report()
        begun.state = .begun
        begun.target = "main"
        begun.stack = Stacks.checkout
        begun.causeDetail = "/var/lib/db"
        var ended = Snapshots.report()
        ended.target = "main"
        ended.stall = 41
        ended.sequence = 117
        let document = try Self.document(Self.status(Snapshots.rich(), reports: [ended, begun]))
        #expect(document["blocked"] == .number("2"))
        #expect(document["newest_warning"] == .number("118"))
        let main = try #require(Self.elements(document["loops"]).first)
        #expect(main["state"] == .string("blocked"))
        let current = try #require(main["current"])
        #expect(current["blocked_ms"] == .number("1250"))
        #expect(current["since"] == .string("2026-11-22T19:34:48.674Z"))
        #expect(current["cause"] == .string("syscall:clock_nanosleep"))
        #expect(current["cause_detail"] == .string("/var/lib/db"))
        #expect(current["stall"] == .number("42") && current["id"] == .string("a1b2-118"))
        #expect(current["at"]?["function"] == .string("innerBlocking()") && current["at"]?["line"] == .number("14"))
        #expect(main["longest_ms"] == .number("61000"))
        #expect(main["stalls"]?["error"] == .number("1") && main["thresholds_ms"]?["error"] == .number("1000"))
        let free = try #require(Self.elements(document["loops"]).last)
        #expect(free["state"] == .string("free") && free["current"] == nil && free["history"] == nil)
        #expect(free["lag"]?["count"] == .number("0") && free["lag"]?["p50_ms"] == nil)
    }

    @Test("a block whose end was reported is not told any more, nor what was reported of another target")
    func ended() throws {
        var begun = Snapshots.report()
        begun.state = .begun
        begun.target = "main"
        var end = begun
        end.state = .ended
        end.sequence += 1
        var other = begun
        other.target = "http-0"
        other.stall = 43
        other.process = RemoteProcessName(name: "web", identifier: 7)
        let document = try Self.document(Self.status(Snapshots.rich(), reports: [begun, end, other]))
        for loop in Self.elements(document["loops"]) { #expect(loop["current"]?["stall"] == nil) }
    }

    @Test("a pool has its threads, its queue, and the jobs that hold a thread; one of another process its evidence")
    func pools() throws {
        var hold = Snapshots.report()
        (hold.state, hold.kind, hold.subject, hold.target) = (.ongoing, .hold, .pool, "default")
        let document = try Self.document(Self.status(Snapshots.complete(), reports: [hold]))
        let pools = Self.elements(document["pools"])
        try #require(pools.count == 3)
        #expect(pools[0]["waiting"] == .number("3") && pools[0]["waiting_max"] == .number("41"))
        #expect(pools[0]["threads"] == .number("8") && pools[0]["busy"] == .number("3"))
        #expect(pools[0]["held"] == .number("1") && pools[0]["accounting"] == .string("exact"))
        #expect(Self.elements(pools[0]["holds"]).first?["stall"] == .number("42"))
        #expect(pools[1]["waiting"] == nil && pools[1]["busy"] == nil)
        #expect(pools[2]["process"] == .string("uvicorn") && pools[2]["pid"] == .number("100"))
        #expect(pools[2]["remote"] == .string("40 threads of AnyIO") && pools[2]["busy"] == .number("38"))
    }

    @Test("the history has as many points as were asked for, and null where nobody recorded")
    func history() throws {
        let end = { LagPeaks.end(ofInterval: $0) }
        var status = Self.status(Snapshots.rich())
        status.history.record(loops: status.snapshot.loops, pools: status.snapshot.pools, at: end(0))
        status.history.record(loops: status.snapshot.loops, pools: status.snapshot.pools, at: end(2))
        status.now = end(2)
        let all = try Self.document(status, points: Limits.historyPoints)
        #expect(all["history"]?["last"] == .number("2"))
        let free = try #require(Self.elements(all["loops"]).last)
        #expect(free["history"]?["max_us"] == .array([.number("0"), .null, .number("0")]))
        #expect(free["history"]?["blocked_us"] == .array([.number("0"), .null, .number("0")]))
        #expect(free["lag"]?["window_ms"] == .number("15000"))
        let one = try Self.document(status, points: 1)
        #expect(Self.elements(Self.elements(one["loops"]).last?["history"]?["max_us"]).count == 1)
    }

    @Test("a thousand targets with their whole history are no longer than an answer may be")
    func large() throws {
        var status = Self.status(Snapshots.large(loops: Limits.loopsMaximum, pools: Limits.poolsMaximum))
        for index in status.snapshot.loops.indices {
            status.snapshot.loops[index].statistics.currentStallNanoseconds = .max
        }
        for interval in 0..<Int64(Limits.historyPoints) {
            let snapshot = status.snapshot
            status.history.record(loops: snapshot.loops, pools: snapshot.pools, at: LagPeaks.end(ofInterval: interval))
        }
        let writer = WarningJSONWriter(process: "api", processIdentifier: 1, boot: "a")
        var bytes: [UInt8] = []
        StatusJSONWriter(warnings: writer).write(status, points: Limits.historyPoints, into: &bytes)
        #expect(bytes.count < 4 * 1_024 * 1_024, "\(bytes.count)")
    }

    @Test("no name breaks out of the document", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        var snapshot = Snapshots.complete()
        snapshot.process = name
        snapshot.loops[0].name = name
        snapshot.loops[0].currentCause = .syscall(name)
        snapshot.pools[2].remote?.summary = name
        snapshot.components[0].name = name
        let document = try Self.document(Self.status(snapshot), points: 3)
        #expect(document["process"] == .string(name))
        #expect(Self.elements(document["loops"]).first?["name"] == .string(name))
        #expect(Self.elements(document["pools"]).last?["remote"] == .string(name))
    }
}
