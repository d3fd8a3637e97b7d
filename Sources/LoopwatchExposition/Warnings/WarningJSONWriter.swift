// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes reports and the events of the live tail as JSON objects of one line each.
package struct WarningJSONWriter: Sendable {
    /// Name of the watched process.
    private let process: String
    /// Its process id.
    package let processIdentifier: Int32
    /// Random name of this run: numbers of warnings begin anew with each.
    package let boot: String

    /// Creates a writer for one run of one process.
    package init(process: String, processIdentifier: Int32, boot: String) {
        self.process = process
        self.processIdentifier = processIdentifier
        self.boot = boot
    }

    /// The identifier of a warning: `<boot>-<number>`.
    package func identifier(of sequence: UInt64) -> String {
        "\(boot)-\(sequence)"
    }

    /// Appends a report as an object, without a line feed; what is unknown is left out.
    ///
    /// - Parameters:
    ///   - report: what to write.
    ///   - writesFrames: whether the stack is written in full; otherwise only the frame to blame and its fingerprint.
    package func write(_ report: StallReport, writesFrames: Bool = true, into buffer: inout [UInt8]) {
        buffer.append(text: #"{"id":"#)
        buffer.append(jsonString: identifier(of: report.sequence))
        buffer.append(text: #","state":"#)
        buffer.append(jsonString: report.state.rawValue)
        buffer.append(text: #","kind":"#)
        buffer.append(jsonString: report.kind.rawValue)
        buffer.append(text: #","time":""#)
        buffer.append(timestampOfUnixNanoseconds: report.unixNanoseconds)
        buffer.append(0x22)
        if let severity = report.severity {
            buffer.append(text: #","severity":"#)
            buffer.append(jsonString: severity.label)
        }
        writeSubject(of: report, into: &buffer)
        buffer.append(text: #","blocked_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: report.durationNanoseconds)
        buffer.append(text: #","began":""#)
        buffer.append(timestampOfUnixNanoseconds: report.beganUnixNanoseconds)
        buffer.append(text: #"","message":""#)
        report.appendMessage(to: &buffer)
        buffer.append(text: #"","cause":"#)
        buffer.append(jsonString: report.cause.text)
        if let evidence = report.evidence {
            buffer.append(text: #","evidence":"#)
            buffer.append(jsonString: evidence.rawValue)
        }
        if let most = report.durationUpperNanoseconds {
            buffer.append(text: #","blocked_ms_most":"#)
            buffer.append(jsonMillisecondsOfNanoseconds: most)
        }
        if let share = report.boundedCPUShare {
            buffer.append(text: #","cpu":"#)
            buffer.append(fraction: Int64((share * 10_000).rounded()), digits: 4)
        }
        buffer.append(text: #","interrupted_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: report.interruptedNanoseconds)
        if let depth = report.depth {
            buffer.append(text: #","waiting":"#)
            buffer.append(decimal: Int64(depth))
        }
        buffer.append(text: #","suppressed":"#)
        buffer.append(decimal: report.suppressed)
        buffer.append(text: #","stall":"#)
        buffer.append(decimal: report.stall)
        if let detail = report.systemCallDetail {
            buffer.append(text: #","cause_detail":"#)
            buffer.append(jsonString: detail.clippedAtStart(toBytes: Limits.nameBytesInStack))
        }
        PoolFindingJSONWriter.write(report, into: &buffer)
        writeStack(of: report, writesFrames: writesFrames, into: &buffer)
        buffer.append(0x7D)
    }

    /// Appends the members by which a report that goes on is told in a table, each after a comma.
    func writeEssentials(of report: StallReport, into buffer: inout [UInt8]) {
        if let severity = report.severity {
            buffer.append(text: #","severity":"#)
            buffer.append(jsonString: severity.label)
        }
        buffer.append(text: #","stall":"#)
        buffer.append(decimal: report.stall)
        buffer.append(text: #","id":"#)
        buffer.append(jsonString: identifier(of: report.sequence))
        buffer.append(text: #","message":""#)
        report.appendMessage(to: &buffer)
        buffer.append(0x22)
        if let evidence = report.evidence {
            buffer.append(text: #","evidence":"#)
            buffer.append(jsonString: evidence.rawValue)
        }
        if let detail = report.systemCallDetail {
            buffer.append(text: #","cause_detail":"#)
            buffer.append(jsonString: detail.clippedAtStart(toBytes: Limits.nameBytesInStack))
        }
        if let stack = report.stack {
            StackJSONWriter.writeSummary(
                of: stack,
                identifier: Stack.identifier(of: stack.fingerprint),
                into: &buffer
            )
        }
    }

    /// Appends a report as a line of NDJSON.
    package func writeLine(_ report: StallReport, into buffer: inout [UInt8]) {
        write(report, into: &buffer)
        buffer.append(0x0A)
    }

    /// Appends reports as lines of NDJSON, of which the latest have their frames: see ``writeDocument``.
    package func writeLines(_ reports: [StallReport], into buffer: inout [UInt8]) {
        let firstWithFrames = firstWithFrames(of: reports)
        for (index, report) in reports.enumerated() {
            write(report, writesFrames: index >= firstWithFrames, into: &buffer)
            buffer.append(0x0A)
        }
    }

    /// Appends the snapshot document: the warnings that are kept, and what was lost before them.
    ///
    /// Very many stacks in full would be more than an answer may have. Then the earlier ones are without, which their
    /// member `stack_omitted` says; their `stack_id` names them to `/stalls/ID`.
    ///
    /// - Parameters:
    ///   - reports: what to list, in ascending order.
    ///   - oldest: number of the oldest warning that is kept; `nil` if there is none.
    ///   - newest: number of the newest warning that is kept; `nil` if there is none.
    ///   - lost: warnings of this run that are not kept any more.
    package func writeDocument(
        _ reports: [StallReport],
        oldest: UInt64?,
        newest: UInt64?,
        lost: UInt64,
        into buffer: inout [UInt8]
    ) {
        buffer.append(text: #"{"schema":1,"boot":"#)
        buffer.append(jsonString: boot)
        buffer.append(text: #","oldest":"#)
        Self.write(optional: oldest, into: &buffer)
        buffer.append(text: #","newest":"#)
        Self.write(optional: newest, into: &buffer)
        buffer.append(text: #","lost":"#)
        buffer.append(decimal: lost)
        buffer.append(text: #","warnings":["#)
        let firstWithFrames = firstWithFrames(of: reports)
        for (index, report) in reports.enumerated() {
            if index > 0 { buffer.append(0x2C) }
            write(report, writesFrames: index >= firstWithFrames, into: &buffer)
        }
        buffer.append(text: "]}\n")
    }

    /// Appends an event of the live tail as an object, without a line feed.
    package func write(_ event: WarningStreamEvent, into buffer: inout [UInt8]) {
        buffer.append(text: #"{"event":"#)
        buffer.append(jsonString: event.name)
        switch event {
        case .gap(let missed):
            buffer.append(text: #","missed":"#)
            Self.write(optional: missed, into: &buffer)
        case .heartbeat(let unixNanoseconds):
            buffer.append(text: #","time":""#)
            buffer.append(timestampOfUnixNanoseconds: unixNanoseconds)
            buffer.append(0x22)
        case .end: break
        }
        buffer.append(0x7D)
    }

    /// Appends an event of the live tail as a line of NDJSON.
    package func writeLine(_ event: WarningStreamEvent, into buffer: inout [UInt8]) {
        write(event, into: &buffer)
        buffer.append(0x0A)
    }

    /// Appends what is blocked.
    private func writeSubject(of report: StallReport, into buffer: inout [UInt8]) {
        buffer.append(text: #","process":"#)
        buffer.append(jsonString: report.process?.name ?? process)
        buffer.append(text: #","pid":"#)
        buffer.append(decimal: Int64(report.process?.identifier ?? processIdentifier))
        if report.subject != .process {
            buffer.append(text: report.subject == .loop ? #","loop":"# : #","pool":"#)
            buffer.append(jsonString: report.target)
        }
        if let thread = report.threadIdentifier {
            buffer.append(text: #","tid":"#)
            buffer.append(decimal: Int64(thread))
        }
    }

    /// Appends what the blocked thread was doing, or why that is not known.
    private func writeStack(of report: StallReport, writesFrames: Bool, into buffer: inout [UInt8]) {
        if let stack = report.stack {
            let identifier = Stack.identifier(of: stack.fingerprint)
            StackJSONWriter.writeSummary(of: stack, identifier: identifier, into: &buffer)
            if writesFrames { StackJSONWriter.writeFrames(of: stack, into: &buffer) }
        }
        let isLeftOut = report.stack != nil && !writesFrames
        if let reason = isLeftOut ? "the answer is too long" : report.stackOmitted {
            buffer.append(text: #","stack_omitted":"#)
            buffer.append(jsonString: reason.clipped(toBytes: Limits.nameBytesInStack))
        }
    }

    /// Index of the first report whose stack is written in full, so that all stacks together keep to their limit.
    private func firstWithFrames(of reports: [StallReport]) -> Int {
        var bytes = 0
        var scratch: [UInt8] = []
        for (index, report) in reports.enumerated().reversed() {
            guard let stack = report.stack else { continue }
            scratch.removeAll(keepingCapacity: true)
            StackJSONWriter.writeFrames(of: stack, into: &scratch)
            bytes += scratch.count
            if bytes > Limits.stackBytesInAnswer { return index + 1 }
        }
        return 0
    }

    /// Appends a number or `null`.
    private static func write(optional number: UInt64?, into buffer: inout [UInt8]) {
        if let number { buffer.append(decimal: number) } else { buffer.append(text: "null") }
    }
}
