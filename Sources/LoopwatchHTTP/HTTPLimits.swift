// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the HTTP server, in one place, each with its reason.
package struct HTTPLimits: Sendable {
    /// The limits of production.
    package static let standard = HTTPLimits()

    /// Connections that are served at once: a scraper, a few people and eight streams need fewer.
    package var connections = 32
    /// Connections beyond that which are kept just long enough for the client to read why it is refused.
    package var refusedConnections = 8
    /// Streams among the connections, so that they leave room for scrapes.
    package var streams = 8
    /// Connections that the kernel keeps waiting.
    package var acceptBacklog = 64
    /// Connections taken in one turn, so that a flood of them does not hold up the ones that are served.
    package var acceptsEachTurn = 16
    /// How long to leave the listener alone when the process has no descriptor left, not even the spare one.
    package var acceptPause = Duration.milliseconds(100)

    /// From the connection, or the first byte of a later request, to the end of the head.
    ///
    /// Absolute: a limit on each read would let a client hold a connection for ever, a byte at a time ("slowloris").
    package var headDeadline = Duration.seconds(5)
    /// Between requests: longer than the usual scrape interval of a minute, so that scrapers keep their connection.
    package var idleDeadline = Duration.seconds(120)
    /// From the answer's first byte to its last; absolute for the same reason.
    package var answerDeadline = Duration.seconds(10)
    /// How long a client of a stream may take no byte of what is waiting for it.
    package var streamProgressDeadline = Duration.seconds(30)
    /// After the last answer, for the client to read it: closing at once would reset the connection and lose it.
    package var lingerDeadline = Duration.seconds(1)
    /// After ``HTTPServer/stop()``, for answers and streams to get out.
    package var stopDeadline = Duration.milliseconds(500)
    /// After that, for the thread to end, before ``HTTPServer/stop()`` returns without it.
    package var joinDeadline = Duration.milliseconds(400)
    /// Longest sleep of the thread, so that ``HTTPServer/lastTurn`` tells a hanging thread from an idle one.
    package var turnMaximum = Duration.seconds(1)
    /// Shortest time between two questions to a stream that has nothing to say.
    package var streamPauseMinimum = Duration.milliseconds(10)

    /// Requests on one connection; then it is closed, so that no client stays on one of several servers for ever.
    package var requestsEachConnection = 1_000
    /// Things done for one connection before the next one has its turn.
    package var stepsEachTurn = 32
    /// Bytes read at once.
    package var readBytes = 16 * 1_024
    /// Bytes of a request's target; 414 beyond.
    package var targetBytes = 2_048
    /// Bytes of a request's method; no method in use is longer.
    package var methodBytes = 16
    /// Bytes of a request's head; 431 beyond.
    package var headBytes = 8_192
    /// Header fields of a request; 431 beyond.
    package var fields = 64
    /// Parameters of a query; 400 beyond.
    package var queryParameters = 16
    /// Bytes of one parameter, name and value together, decoded; 400 beyond.
    package var queryParameterBytes = 256
    /// Bytes of an answer's body; 500 beyond.
    ///
    /// More than the metrics of as many loops and pools as may be registered, with the longest names; with short ones a
    /// thousand loops have 7 MB. What is told of warnings and stacks has limits of its own, far below.
    package var answerBytes = 64 * 1_024 * 1_024
    /// Bytes that wait for one client of a stream.
    package var streamBufferBytes = 256 * 1_024
    /// Bytes read and thrown away after the last answer.
    package var lingerBytes = 256 * 1_024
    /// Different pairs of handler and status code that are counted; the rest are counted under the handler `other`.
    package var requestCounters = 256

    /// Creates the limits of production, to be changed by tests.
    package init() {}
}
