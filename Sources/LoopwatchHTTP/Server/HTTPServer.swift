// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore
package import LoopwatchPlatform
internal import Synchronization

/// A small HTTP/1.1 server on one thread of its own.
///
/// It serves GET and HEAD to few clients, and is made to live inside another server: it allocates little, waits for
/// nobody, bounds everything (``HTTPLimits``), and nothing that a client sends can stop or crash it.
package final class HTTPServer: Sendable {
    private enum Lifecycle {
        case bound
        case running(OwnThread)
        case stopped
    }

    private let shared: HTTPServerShared
    // Held while `stop()` waits for the thread, so that a second caller returns only when the server has stopped too.
    private let lifecycle = Mutex(Lifecycle.bound)

    /// Where the server listens, with the real port when 0 was asked.
    package var boundAddress: EndpointAddress { shared.listener.address }

    /// What the server has done so far.
    package var statistics: HTTPStatistics { shared.counters.snapshot }

    /// The server's thread; `nil` before it runs.
    package var threadIdentifier: ThreadIdentifier? { shared.thread }

    /// When the server's thread last went round its loop; at most a second ago, unless a responder holds it up.
    package var lastTurn: MonotonicInstant { shared.lastTurn }

    /// Binds to the address and listens; clients that connect wait until ``start()``.
    ///
    /// - Parameters:
    ///   - address: where to listen.
    ///   - limits: the bounds.
    ///   - allowedHosts: names, without port, under which clients may address the server, besides IP addresses and
    ///     `localhost`.
    ///   - responder: answers the requests.
    /// - Throws: ``SystemError`` that names the address.
    package init(
        address: EndpointAddress,
        limits: HTTPLimits = .standard,
        allowedHosts: [String] = [],
        responder: any HTTPResponder
    ) throws {
        let listener = try ListeningSocket(address: address, backlog: limits.acceptBacklog)
        let hostRule: HostRule =
            switch address {
            case .unix: .unrestricted
            case .tcp(let host, _): HostRule(boundHost: host, allowedHosts: allowedHosts)
            }
        shared = try HTTPServerShared(
            listener: listener,
            policy: HTTPRequestPolicy(hostRule: hostRule, limits: limits),
            responder: responder
        )
    }

    deinit { stop() }

    /// Starts to serve; does nothing if it has started.
    ///
    /// - Throws: ``SystemError`` when no thread can be had, or the server was stopped.
    package func start() throws {
        try lifecycle.withLock { lifecycle in
            switch lifecycle {
            case .running: return
            case .stopped: throw SystemError(operation: "start HTTP server \(boundAddress)", code: SystemError.stopped)
            case .bound:
                let shared = shared
                lifecycle = .running(
                    try OwnThread(name: "lw-http") {
                        HTTPServerLoop(shared).run()
                        shared.threadEnds()
                    }
                )
            }
        }
    }

    /// Stops: streams get their end, everything is closed, the thread ends, and a Unix socket's file is removed.
    ///
    /// Takes a second at most. A thread that hangs in a responder for longer ends by itself when that returns. On the
    /// server's own thread, where waiting would be for ever, it only asks for the stop.
    ///
    /// - Returns: whether all of that is done.
    @discardableResult
    package func stop() -> Bool {
        shared.requestStop()
        guard !shared.isOnThread else { return false }
        return lifecycle.withLock { lifecycle in
            switch lifecycle {
            case .stopped: return true
            case .bound: shared.listener.close()
            case .running(let thread):
                guard shared.waitForThread() else { return false }
                thread.join()
                shared.closeSignals()
            }
            lifecycle = .stopped
            return true
        }
    }

    /// Has every stream asked for more; from any thread, never blocks, allocates nothing.
    package func wakeStreams() {
        shared.wakeStreams()
    }
}
