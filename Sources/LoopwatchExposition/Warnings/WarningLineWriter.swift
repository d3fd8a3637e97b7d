// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a report as one line of the log.
///
/// ```
/// 2026-11-22T19:00:01.123Z WARN loop blocked for 312ms target=http-0 state=ended cause=lock cpu=1% stall=42
/// ```
///
/// Then, where they are known: `waiting_connections`, how many clients have connected meanwhile and wait for the blocked
/// loop to accept them (of other processes, as often as it was looked: there may have been more); of Swift's pool `priority`, `task` and `name` of the job that holds a thread, and `why` in
/// words (``PoolSentence``); `on`, what the system call was about; `at` and `via`, whose code it is
/// (``StackLineWriter``); and `stack="omitted: REASON"` where there is no stack.
package enum WarningLineWriter {
    /// Appends the line with its line feed; no name in the report can make a second one.
    package static func write(_ report: StallReport, into buffer: inout [UInt8]) {
        buffer.append(timestampOfUnixNanoseconds: report.unixNanoseconds)
        buffer.append(0x20)
        buffer.append(text: report.level)
        buffer.append(0x20)
        report.appendMessage(to: &buffer)
        buffer.append(text: " target=")
        buffer.append(logfmtValue: report.target)
        if let process = report.process {
            buffer.append(text: " process=")
            buffer.append(logfmtValue: process.name)
            buffer.append(text: " pid=")
            buffer.append(decimal: Int64(process.identifier))
        }
        buffer.append(text: " state=")
        buffer.append(text: report.state.rawValue)
        buffer.append(text: " cause=")
        buffer.append(logfmtValue: report.cause.text)
        if let evidence = report.evidence {
            buffer.append(text: " evidence=")
            buffer.append(text: evidence.rawValue)
        }
        if let most = report.durationUpperNanoseconds {
            buffer.append(text: " at_most=")
            buffer.append(millisecondsOfNanoseconds: most)
        }
        if let share = report.boundedCPUShare {
            buffer.append(text: " cpu=")
            buffer.append(decimal: Int64((share * 100).rounded()))
            buffer.append(0x25)
        }
        if let thread = report.threadIdentifier {
            buffer.append(text: " thread=")
            buffer.append(decimal: Int64(thread))
        }
        if let depth = report.depth {
            buffer.append(text: " waiting=")
            buffer.append(decimal: Int64(depth))
        }
        if let connections = report.waitingConnections, connections > 0 {
            buffer.append(text: " waiting_connections=")
            buffer.append(decimal: Int64(connections))
        }
        writeFinding(of: report, into: &buffer)
        if report.interruptedNanoseconds > 0 {
            buffer.append(text: " interrupted=")
            buffer.append(millisecondsOfNanoseconds: report.interruptedNanoseconds)
        }
        if report.suppressed > 0 {
            buffer.append(text: " suppressed=")
            buffer.append(decimal: report.suppressed)
        }
        buffer.append(text: " stall=")
        buffer.append(decimal: report.stall)
        if let sentence = PoolSentence.text(of: report) {
            buffer.append(text: " why=")
            buffer.append(logfmtValue: sentence.clipped(toBytes: Limits.sentenceBytesInLine))
        }
        writeWhereabouts(of: report, into: &buffer)
        buffer.append(0x0A)
    }

    /// Appends the priority, and the job that holds the thread.
    private static func writeFinding(of report: StallReport, into buffer: inout [UInt8]) {
        guard let pool = report.pool else { return }
        if pool.lane.isOfPool, pool.isOfSwift {
            buffer.append(text: " priority=")
            buffer.append(text: pool.lane.label)
        }
        guard pool.kind == .heldThread, let job = pool.holders.first else { return }
        if let task = job.task {
            buffer.append(text: " task=")
            buffer.append(decimal: task)
        }
        if let name = job.name {
            buffer.append(text: " name=")
            buffer.append(logfmtValue: name)
        }
    }

    /// Appends what the blocked thread was doing.
    private static func writeWhereabouts(of report: StallReport, into buffer: inout [UInt8]) {
        if let detail = report.systemCallDetail {
            buffer.append(text: " on=")
            buffer.append(logfmtValue: detail.clippedAtStart(toBytes: Limits.nameBytesInLine))
        }
        if let stack = report.stack {
            if let blamed = stack.blamed {
                buffer.append(text: " at=")
                buffer.append(logfmtValue: StackLineWriter.place(of: blamed))
            }
            let callers = StackLineWriter.callers(of: stack)
            if !callers.isEmpty {
                buffer.append(text: " via=")
                buffer.append(logfmtValue: callers)
            }
        }
        if let reason = report.stackOmitted {
            buffer.append(text: " stack=")
            buffer.append(logfmtValue: "omitted: " + reason.clipped(toBytes: Limits.nameBytesInLine))
        }
    }
}
