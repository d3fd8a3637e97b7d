// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Counts what the server does; read from any thread.
final class HTTPCounters: Sendable {
    // Held for a few instructions only, by the server's thread and by readers.
    private let statistics = Mutex(HTTPStatistics())
    private let pairsMaximum: Int

    /// Creates counters for so many pairs of handler and code.
    init(pairsMaximum: Int) {
        self.pairsMaximum = pairsMaximum
    }

    /// What was counted.
    var snapshot: HTTPStatistics { statistics.withLock { $0 } }

    /// Counts an answer.
    func answered(handler: String, code: Int) {
        statistics.withLock { statistics in
            let isKnown = statistics.requests.contains { $0.handler == handler && $0.code == code }
            let isFull = !isKnown && statistics.requests.count >= pairsMaximum
            HTTPCounters.count(isFull ? "other" : handler, isFull ? 0 : code, in: &statistics.requests)
        }
    }

    /// Counts a refusal.
    func rejected(_ reason: HTTPRejectionReason) {
        statistics.withLock { statistics in
            for index in statistics.rejections.indices where statistics.rejections[index].reason == reason {
                statistics.rejections[index].count += 1
            }
        }
    }

    /// Counts a client of a stream that was cut off.
    func slowStreamClientCutOff() {
        statistics.withLock { $0.slowStreamClients += 1 }
    }

    /// Tells how many connections are open.
    func connectionsOpen(_ count: Int) {
        statistics.withLock { $0.openConnections = count }
    }

    private static func count(_ handler: String, _ code: Int, in requests: inout [HTTPStatistics.RequestCount]) {
        let place = requests.firstIndex { ($0.handler, $0.code) >= (handler, code) } ?? requests.endIndex
        if place < requests.endIndex, requests[place].handler == handler, requests[place].code == code {
            requests[place].count += 1
        } else {
            requests.insert(HTTPStatistics.RequestCount(handler: handler, code: code, count: 1), at: place)
        }
    }
}
