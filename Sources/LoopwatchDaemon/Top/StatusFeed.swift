// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Asks an endpoint for its status again and again, on a thread of its own, so that the keyboard is not kept waiting.
final class StatusFeed: Sendable {
    /// What came last.
    enum Answer: Sendable {
        /// A picture, and the document that it was read from.
        case picture(StatusPicture, [UInt8])
        /// None.
        case problem(ClientProblem)
    }

    private let location: EndpointLocation
    private let intervalNanoseconds: Int64
    private let stopping: WakeSignal
    private let arrived: WakeSignal
    private let latest = Mutex<Answer?>(nil)

    /// Time in which an answer must come, in nanoseconds.
    private static let answerNanoseconds: Int64 = 5_000_000_000

    /// Begins to ask.
    ///
    /// - Parameters:
    ///   - location: whom.
    ///   - interval: time between two questions.
    ///   - delay: time before the first one.
    /// - Throws: ``SystemError`` when there is no descriptor or thread left.
    init(_ location: EndpointLocation, interval: Duration, delay: Duration = .zero) throws {
        self.location = location
        intervalNanoseconds = interval.wholeNanoseconds
        stopping = try WakeSignal()
        arrived = try WakeSignal()
        let delayNanoseconds = delay.wholeNanoseconds
        let thread = try OwnThread(name: "lw-status") { [self] in run(delayNanoseconds: delayNanoseconds) }
        // The resolver can take longer than a user waits for the end.
        thread.detach()
    }

    /// Readable when an answer has come.
    var descriptor: CInt { arrived.descriptor }

    /// Takes the latest answer; `nil` if there is no new one.
    func take() -> Answer? {
        arrived.clear()
        return latest.withLock { $0.take() }
    }

    /// Asks no more.
    func stop() { stopping.wake() }

    private func run(delayNanoseconds: Int64) {
        var next = Clock.now().advanced(byNanoseconds: delayNanoseconds)
        while !stopping.wait(until: next) {
            let answer = ask()
            if case .problem(.interrupted) = answer { return }
            latest.withLock { $0 = answer }
            arrived.wake()
            // After a long answer the next question is not asked at once.
            let now = Clock.now()
            next = next.advanced(byNanoseconds: intervalNanoseconds)
            if next < now { next = now.advanced(byNanoseconds: intervalNanoseconds) }
        }
    }

    private func ask() -> Answer {
        do throws(ClientProblem) {
            let document = try EndpointConnection.get(
                location,
                path: "/status",
                until: Clock.now().advanced(byNanoseconds: Self.answerNanoseconds),
                interrupt: Interrupt(readable: stopping.descriptor)
            )
            guard let value = JSON5Value(json: document), let picture = StatusPicture(value) else {
                return .problem(.answer("what answers is no endpoint of Loopwatch, or an older one"))
            }
            return .picture(picture, document)
        } catch {
            return .problem(error)
        }
    }
}
