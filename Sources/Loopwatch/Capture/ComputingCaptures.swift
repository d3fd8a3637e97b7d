// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// The captures of threads that compute, each of which takes a tick of the clock or more: several are under way at once,
/// and nobody waits for one.
///
/// Belongs to the desk's thread.
struct ComputingCaptures {
    /// A thread to be captured.
    struct Request {
        let thread: ThreadIdentifier
        let watched: WatchedTarget
        /// What the target was at: if that has ended, the thread is at something else.
        let token: ProgressToken?
        /// The report that it is for; `nil` as long as it is prepared only.
        var report: ReportDraft?
        fileprivate var attempts = 1
    }

    /// What came of it.
    enum Outcome {
        case stack(RawStack)
        /// There is none, for this reason.
        case omitted(String)
        /// The target went on to something else.
        case wentOn
    }

    private var waiting: [Request] = []
    private var underWay: [(request: Request, capture: SignalledCapture)] = []

    /// Whether there is nothing to wait for.
    var isEmpty: Bool { waiting.isEmpty && underWay.isEmpty }

    /// Asks for a thread's stack; one that is on its way already serves a report too.
    ///
    /// - Returns: false if too many wait.
    mutating func add(
        _ thread: ThreadIdentifier,
        of watched: WatchedTarget,
        token: ProgressToken?,
        for report: ReportDraft?
    ) -> Bool {
        func isSame(_ request: Request) -> Bool {
            request.thread == thread && request.watched === watched && request.token == token
        }
        if let index = underWay.firstIndex(where: { isSame($0.request) }) {
            underWay[index].request.report = report ?? underWay[index].request.report
            return true
        }
        if let index = waiting.firstIndex(where: isSame) {
            waiting[index].report = report ?? waiting[index].report
            return true
        }
        guard waiting.count < Limits.capturesQueued else { return false }
        waiting.append(Request(thread: thread, watched: watched, token: token, report: report))
        return true
    }

    /// Goes on with all of them; returns what has come of those that are done.
    mutating func advance(_ capturer: inout StackCapturer) -> [(request: Request, outcome: Outcome)] {
        var done: [(request: Request, outcome: Outcome)] = []
        var index = 0
        while index < underWay.count {
            if let result = capturer.poll(&underWay[index].capture) {
                settle(underWay.remove(at: index).request, result, &capturer, &done)
            } else {
                index += 1
            }
        }
        index = 0
        // Where signals cannot be used there is never room, and the answer is had at once.
        while index < waiting.count, capturer.hasRoom || underWay.isEmpty {
            // Two signals for one thread would be merged into one.
            if underWay.contains(where: { $0.request.thread == waiting[index].thread }) {
                index += 1
                continue
            }
            let request = waiting.remove(at: index)
            switch capturer.begin(request.thread) {
            case .underWay(let capture): underWay.append((request, capture))
            case .done(let result): settle(request, result, &capturer, &done)
            }
        }
        return done
    }

    /// Gives up all of them.
    mutating func cancel(_ capturer: inout StackCapturer) {
        for capture in underWay { capturer.cancel(capture.capture) }
        underWay = []
        waiting = []
    }

    private mutating func settle(
        _ request: Request,
        _ result: Result<RawStack, CaptureOmission>,
        _ capturer: inout StackCapturer,
        _ done: inout [(request: Request, outcome: Outcome)]
    ) {
        if let token = request.token, !request.watched.isStill(at: token) {
            if case .success = result { capturer.countDiscarded(.late) }
            return done.append((request, .wentOn))
        }
        switch result {
        case .success(let stack): done.append((request, .stack(stack)))
        case .failure(let omission):
            capturer.count(omission)
            if omission == .moved, request.attempts < StackCapturer.attemptsMost {
                var again = request
                again.attempts += 1
                waiting.append(again)
            } else {
                done.append((request, .omitted(omission.text)))
            }
        }
    }
}
