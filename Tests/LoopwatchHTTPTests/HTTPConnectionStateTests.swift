// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchHTTP

@Suite("What a connection decides, on a clock of the test")
struct HTTPConnectionStateTests {
    private let policy = HTTPRequestPolicy(hostRule: .unrestricted, limits: .standard)
    private let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...]
    private let answer = HTTPResponse(status: 200, contentType: "text/plain", body: [1, 2, 3], handler: "test")

    private func seconds(_ seconds: Double) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// The name of the next step.
    private func step(_ state: inout HTTPConnectionState, _ now: Double) -> String {
        String("\(state.nextStep(at: seconds(now)))".prefix { $0 != "(" })
    }

    private func writeAll(_ state: inout HTTPConnectionState, _ now: Double) {
        state.wrote(state.output.count, at: seconds(now))
    }

    /// A connection that has answered one request at the given time.
    private func answered(at now: Double, limits: HTTPLimits = .standard) -> HTTPConnectionState {
        let policy = HTTPRequestPolicy(hostRule: .unrestricted, limits: limits)
        var state = HTTPConnectionState(at: seconds(now), policy: policy)
        state.received(request, at: seconds(now))
        #expect(step(&state, now) == "respond")
        #expect(state.answer(answer, at: seconds(now)) == 200)
        #expect(step(&state, now) == "write")
        writeAll(&state, now)
        return state
    }

    @Test("a client that sends nothing is closed without a word")
    func silent() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        #expect(state.nextDeadline == seconds(5))
        #expect(step(&state, 4.9) == "wait")
        #expect(step(&state, 5) == "close")
        #expect(state.output.isEmpty)
    }

    @Test("a head that comes a byte at a time is cut off after five seconds all the same")
    func dribbled() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        for (index, byte) in request.dropLast().enumerated() {
            state.received([byte], at: seconds(Double(index) * 0.1))
            #expect(step(&state, Double(index) * 0.1) == "wait")
        }
        #expect(state.nextDeadline == seconds(5))
        #expect(step(&state, 5) == "rejected")
        #expect(String(decoding: state.output.pending, as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
    }

    @Test("an idle connection may stay for two minutes, but a request begun has five seconds")
    func idle() {
        var state = answered(at: 1)
        #expect(step(&state, 1) == "wait")
        #expect(state.isIdle)
        #expect(state.nextDeadline == seconds(121))
        state.received(request.prefix(3), at: seconds(100))
        #expect(step(&state, 100) == "wait")
        #expect(!state.isIdle)
        #expect(state.nextDeadline == seconds(105))
    }

    @Test("an answer that is not taken within ten seconds ends the connection, whatever trickles")
    func slowAnswer() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        state.received(request, at: seconds(0))
        #expect(step(&state, 0) == "respond")
        _ = state.answer(answer, at: seconds(1))
        state.wrote(1, at: seconds(10))
        state.writeBlocked()
        #expect(state.wantsWriting && !state.wantsReading)
        #expect(step(&state, 10.9) == "wait")
        #expect(step(&state, 11) == "close")
    }

    @Test("the last request of a connection says so, and the connection lingers")
    func requestLimit() {
        var limits = HTTPLimits.standard
        limits.requestsEachConnection = 1
        var state = answered(at: 0, limits: limits)
        #expect(step(&state, 0) == "shutDownWriting")
        #expect(step(&state, 0) == "wait")
        #expect(state.wantsReading)
        #expect(state.nextDeadline == seconds(1))
        state.received([UInt8](repeating: 0, count: limits.lingerBytes + 1)[...], at: seconds(0.5))
        #expect(step(&state, 0.5) == "close")
    }

    @Test("an answer that is too large becomes a 500")
    func tooLarge() {
        var limits = HTTPLimits.standard
        limits.answerBytes = 2
        var state = HTTPConnectionState(
            at: seconds(0),
            policy: HTTPRequestPolicy(hostRule: .unrestricted, limits: limits)
        )
        state.received(request, at: seconds(0))
        #expect(step(&state, 0) == "respond")
        #expect(state.answer(answer, at: seconds(0)) == 500)
    }

    @Test("a stream's client may take nothing for thirty seconds, counted from its last byte")
    func stream() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        state.received(request, at: seconds(0))
        #expect(step(&state, 0) == "respond")
        let stream = HTTPResponse(status: 200, headers: [], body: .stream(TestStream()), handler: "test")
        _ = state.answer(stream, at: seconds(0))
        #expect(step(&state, 0) == "askStream")
        state.append(HTTPStreamChunk(bytes: [], nextDeadline: seconds(15)), at: seconds(0))
        #expect(step(&state, 0) == "write")
        writeAll(&state, 0)
        #expect(step(&state, 1) == "wait")
        #expect(state.nextDeadline == seconds(15))
        #expect(step(&state, 15) == "askStream")
        state.append(HTTPStreamChunk(bytes: [1, 2]), at: seconds(15))
        state.writeBlocked()
        #expect(state.nextDeadline == seconds(45))
        state.wrote(1, at: seconds(20))
        state.writeBlocked()
        #expect(step(&state, 49) == "wait")
        #expect(step(&state, 50) == "cutOffStream")
    }

    @Test("a stream is asked again when all is written only if it was short of room")
    func streamRoom() {
        func isAskedAgain(afterBytes count: Int) -> Bool {
            var state = HTTPConnectionState(at: seconds(0), policy: policy)
            state.received(request, at: seconds(0))
            #expect(step(&state, 0) == "respond")
            let stream = HTTPResponse(status: 200, headers: [], body: .stream(TestStream()), handler: "test")
            _ = state.answer(stream, at: seconds(0))
            #expect(step(&state, 0) == "askStream")
            state.append(HTTPStreamChunk(bytes: [UInt8](repeating: 0, count: count)), at: seconds(0))
            #expect(step(&state, 0) == "write")
            writeAll(&state, 0)
            return step(&state, 0) == "askStream"
        }
        #expect(!isAskedAgain(afterBytes: 10))
        #expect(isAskedAgain(afterBytes: 200_000))
    }

    @Test("a stream that wants to be asked at once but has nothing to say does not keep the server busy")
    func restlessStream() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        state.received(request, at: seconds(0))
        #expect(step(&state, 0) == "respond")
        _ = state.answer(
            HTTPResponse(status: 200, headers: [], body: .stream(TestStream()), handler: "test"),
            at: seconds(0)
        )
        state.append(HTTPStreamChunk(bytes: [], nextDeadline: seconds(0)), at: seconds(0))
        writeAll(&state, 0)
        #expect(step(&state, 0) == "wait")
        #expect(state.nextDeadline == seconds(0.01))
    }

    @Test("a stream that gives more than it may is cut off and counted, not written in part")
    func greedyStream() {
        var state = HTTPConnectionState(at: seconds(0), policy: policy)
        state.received(request, at: seconds(0))
        #expect(step(&state, 0) == "respond")
        _ = state.answer(
            HTTPResponse(status: 200, headers: [], body: .stream(TestStream()), handler: "test"),
            at: seconds(0)
        )
        state.append(HTTPStreamChunk(bytes: [UInt8](repeating: 0, count: 262_145)), at: seconds(0))
        #expect(step(&state, 0) == "cutOffStream")
        #expect(step(&state, 0) == "close")
    }

    @Test("when the server stops, an idle connection ends at once and an answer gets out first")
    func stops() {
        var idle = answered(at: 0)
        #expect(step(&idle, 0) == "wait")
        idle.stop(until: seconds(1))
        #expect(step(&idle, 0) == "close")
        var busy = HTTPConnectionState(at: seconds(0), policy: policy)
        busy.received(request, at: seconds(0))
        #expect(step(&busy, 0) == "respond")
        _ = busy.answer(answer, at: seconds(0))
        busy.stop(until: seconds(1))
        #expect(step(&busy, 0) == "write")
        writeAll(&busy, 0)
        #expect(step(&busy, 0) == "shutDownWriting")
    }
}
