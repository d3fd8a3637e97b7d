// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchPlatform
import Testing

@testable import LoopwatchCore
@testable import LoopwatchDaemon

@Suite("Following warnings")
struct TailSessionTests {
    private static func object(_ text: String) throws -> JSON5Value { try #require(JSON5Value(json: text.utf8)) }

    private static func warning(_ run: String, _ number: Int) throws -> JSON5Value {
        try object(#"{"id":"\#(run)-\#(number)","state":"ended"}"#)
    }

    private static func numbers(_ actions: [TailSession.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .print(let warning): warning["id"]?.string ?? "?"
            case .say(let text): text
            }
        }
    }

    @Test("begins with the latest, and goes on after the newest")
    func beginning() throws {
        var session = TailSession(severity: .error)
        #expect(session.opened(try Self.object(#"{"schema":1,"boot":"aa","oldest":1,"newest":7,"warnings":[]}"#)) == [])
        #expect(
            session.beginningPath(limit: 10, since: "5m") == "/warnings?format=ndjson&limit=10&since=5m&severity=error"
        )
        #expect(Self.numbers(session.beginning(try Self.warning("aa", 6))) == ["aa-6"])
        session.began()
        // The ring had a newer one, which the filter left out.
        #expect(session.streamPath == "/warnings?format=ndjson&follow=1&since=aa-7&severity=error")
        #expect(Self.numbers(session.line(try Self.warning("aa", 8))) == ["aa-8"])
        #expect(session.streamPath.contains("&since=aa-8&"))
    }

    @Test("prints nothing twice, and nothing of it is lost when the connection was")
    func resumed() throws {
        var session = TailSession()
        _ = session.opened(try Self.object(#"{"boot":"aa","newest":null,"warnings":[]}"#))
        session.began()
        #expect(session.streamPath.hasSuffix("&since=aa-0"))
        var printed: [String] = []
        for number in [1, 2, 3] { printed += Self.numbers(session.line(try Self.warning("aa", number))) }
        #expect(session.opened(try Self.object(#"{"boot":"aa","newest":5,"warnings":[]}"#)) == [])
        #expect(session.streamPath.hasSuffix("&since=aa-3"))
        for number in [2, 3, 4, 5] { printed += Self.numbers(session.line(try Self.warning("aa", number))) }
        #expect(printed == ["aa-1", "aa-2", "aa-3", "aa-4", "aa-5"])
    }

    @Test("says that the server was restarted, and begins with the first of its new run")
    func restarted() throws {
        var session = TailSession(after: WarningIdentifier("aa-40"))
        #expect(session.hasBegun && session.streamPath.hasSuffix("&since=aa-40"))
        let said = Self.numbers(session.opened(try Self.object(#"{"boot":"bb","newest":9,"warnings":[]}"#)) ?? [])
        #expect(said == ["the server is another run than the one of warning aa-40: its warnings begin anew, as bb-1"])
        #expect(session.streamPath.hasSuffix("&since=bb-0"))
        #expect(Self.numbers(session.line(try Self.warning("bb", 1))) == ["bb-1"])
        // Restarted between the two questions.
        let actions = Self.numbers(session.line(try Self.warning("cc", 1)))
        #expect(actions.count == 2 && actions[0].contains("warning bb-1") && actions[1] == "cc-1")
    }

    @Test("says what the server has forgotten, and passes over signs of life")
    func events() throws {
        var session = TailSession(after: WarningIdentifier("aa-4"))
        func said(_ text: String) throws -> [String] { Self.numbers(session.line(try Self.object(text))) }
        #expect(
            try said(#"{"event":"gap","missed":12}"#) == [
                "12 warnings were forgotten by the server before they were read"
            ]
        )
        #expect(
            try said(#"{"event":"gap","missed":1}"#) == ["1 warning was forgotten by the server before it was read"]
        )
        #expect(try said(#"{"event":"heartbeat","time":"x"}"#) == [])
        #expect(try said(#"{"event":"end"}"#) == ["the server says that it ends"])
        #expect(session.opened(try Self.object("{}")) == nil)
        #expect(session.opened(try Self.object(#"{"boot":"x y&"}"#)) == nil)
    }

    @Test("takes ids and durations to begin with", arguments: ["a1b2-57", "10m", "x", "a-", "-1", "a b-1", "a&c=d-1"])
    func start(text: String) {
        let start = WarningStart(text)
        #expect((start != nil) == ["a1b2-57", "10m"].contains(text))
    }
}

/// The command `tail` as a user runs it, at an endpoint of this process.
@Suite("Following warnings of an endpoint", .timeLimit(.minutes(10)))
struct TailCommandTests {
    /// A watch of a target that does not exist, whose reports the test makes.
    final class Reporting {
        let watch: Loopwatch
        private let target: RemoteTarget
        private var episode: UInt64 = 0

        init(_ endpoint: EndpointAddress) throws {
            var configuration = DaemonConfiguration.watchBase
            configuration.log = []
            configuration.reportBurst = Limits.reportBurstMaximum
            configuration.endpoint = endpoint
            watch = try Loopwatch.start(configuration)
            target = RemoteTarget(
                process: RemoteProcessName(name: "api", identifier: 77),
                name: "main",
                subject: .loop,
                summary: "a test",
                thresholds: Thresholds(warning: .milliseconds(50))
            )
            watch.add(target)
        }

        deinit { watch.stop() }

        private func waitUntilTaken() {
            let deadline = Clock.now().advanced(byNanoseconds: 30_000_000_000)
            while watch.snapshot().reporting.warningsBySeverity.reduce(0, +) < episode, Clock.now() < deadline {
                poll(nil, 0, 1)
            }
        }

        /// Ends the server.
        func stop() { watch.stop() }

        var address: EndpointAddress? { watch.endpointAddress }

        /// Reports blocks that have ended.
        func report(_ count: Int) {
            for number in 0..<count {
                // What comes faster than it is taken would be dropped.
                if number % 100 == 99 { waitUntilTaken() }
                episode += 1
                let now = Clock.now()
                let draft = ReportDraft(
                    state: .ended,
                    kind: .stall,
                    episode: episode,
                    began: now,
                    until: now,
                    durationNanoseconds: 60_000_000 + Int64(episode) * 1_000_000,
                    interruptedNanoseconds: 0,
                    severity: .warning,
                    cause: .lock,
                    thread: 4_242,
                    evidence: .exact
                )
                watch.report(draft, of: target, finding: RemoteFinding())
            }
        }
    }

    private static func length(_ line: String) -> Int? {
        guard let start = line.firstRange(of: "blocked for ")?.upperBound else { return nil }
        return Int(line[start...].prefix { $0.isNumber })
    }

    @Test("prints each warning once, also across a restart of the server, and says that it was one")
    func restart() async throws {
        try await onOwnThread {
            // At a port, another could listen while the server is away.
            let folder = try TemporaryFolder()
            let address = EndpointAddress.unix(path: folder.path("endpoint"))
            let first = try Reporting(address)
            #expect(first.address == address)
            first.report(15)
            var tail = try ChildProcess(["tail", "\(address)", "--limit", "3"])
            _ = try tail.line("75ms") { Self.length($0) == 75 }
            first.report(2)
            _ = try tail.line("77ms") { Self.length($0) == 77 }
            first.stop()
            let second = try Reporting(address)
            #expect(second.address == address)
            second.report(4)
            _ = try tail.line("64ms") { Self.length($0) == 64 }
            second.report(1)
            _ = try tail.line("65ms") { Self.length($0) == 65 }
            tail.signal(SIGTERM)
            #expect(try tail.end() == 0)
            #expect(tail.lines.compactMap(Self.length) == [73, 74, 75, 76, 77, 61, 62, 63, 64, 65])
            #expect(tail.lines.first?.contains(" WARN loop blocked for 73ms target=main process=api pid=77 ") == true)
            let errors = tail.errors().split(separator: "\n").map(String.init)
            #expect(errors.contains { $0.contains("is lost: ") && $0.hasSuffix("; trying again.") }, "\(errors)")
            #expect(errors.contains { $0.hasPrefix("loopwatch: connected again, after ") }, "\(errors)")
            #expect(errors.contains { $0.contains("its warnings begin anew") }, "\(errors)")
        }
    }

    @Test("says how many the server had forgotten, and goes on after an id that it was given")
    func forgotten() async throws {
        try await onOwnThread {
            let server = try Reporting(.tcp(host: "127.0.0.1", port: 0))
            let address = try #require(server.address)
            server.report(2)
            var json = try ChildProcess(["tail", "\(address)", "--json", "--limit", "1"])
            let line = try json.line("the second") { $0.contains(#""stall":2"#) || $0.contains("62") }
            json.signal(SIGINT)
            #expect(try json.end() == 0)
            let identifier = try #require(JSON5Value(json: line.utf8)?["id"]?.string)
            server.report(Limits.warningsKept + 5)
            // The last one is in the ring before the rest is asked for.
            let last = 60 + 2 + Limits.warningsKept + 5
            var look = try ChildProcess(["tail", "\(address)", "--limit", "1"])
            _ = try look.line("the last") { Self.length($0) == last }
            look.signal(SIGTERM)
            #expect(try look.end() == 0)
            var tail = try ChildProcess(["tail", "\(address)", "--since", identifier])
            _ = try tail.line("the last") { Self.length($0) == last }
            tail.signal(SIGTERM)
            #expect(try tail.end() == 0)
            #expect(tail.lines.count == Limits.warningsKept)
            #expect(tail.errors() == "loopwatch: 5 warnings were forgotten by the server before they were read.\n")
            server.stop()
        }
    }

    @Test("ends when nobody reads any more, and when its time is up")
    func ends() async throws {
        try await onOwnThread {
            let server = try Reporting(.tcp(host: "127.0.0.1", port: 0))
            let address = try #require(server.address)
            server.report(1)
            var closed = try ChildProcess(["tail", "\(address)"])
            _ = try closed.line("the first") { _ in true }
            // Also when nothing more comes, which it would find out by writing.
            closed.closeOutput()
            #expect(try closed.end() == 0)
            var timed = try ChildProcess(["tail", "\(address)", "--duration", "3s"])
            #expect(try timed.end() == 0)
            #expect(timed.lines.count == 1)
            server.stop()
        }
    }
}
