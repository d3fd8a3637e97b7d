// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Frames the live tail as server-sent events, which browsers resume by themselves.
package struct ServerSentEventWriter: Sendable {
    /// Writes the data of the events.
    private let json: WarningJSONWriter

    /// Creates a writer whose data is written by the given one.
    package init(json: WarningJSONWriter) {
        self.json = json
    }

    /// Appends the beginning of a stream: after how long a client that lost it should come back.
    package func writeStart(into buffer: inout [UInt8]) {
        buffer.append(text: "retry: 3000\n\n")
    }

    /// Appends a report as an event that is named after its state.
    package func write(_ report: StallReport, into buffer: inout [UInt8]) {
        var data: [UInt8] = []
        json.write(report, into: &data)
        Self.write(
            identifier: json.identifier(of: report.sequence),
            event: report.state.rawValue,
            data: data,
            into: &buffer
        )
    }

    /// Appends an event; a heartbeat becomes a comment, which clients pass over.
    package func write(_ event: WarningStreamEvent, into buffer: inout [UInt8]) {
        if case .heartbeat = event {
            buffer.append(text: ": hb\n\n")
            return
        }
        var data: [UInt8] = []
        json.write(event, into: &data)
        Self.write(identifier: nil, event: event.name, data: data, into: &buffer)
    }

    /// Appends one event.
    ///
    /// - Parameters:
    ///   - identifier: what the client sends back in `Last-Event-ID`; line ends and NUL in it are left out.
    ///   - event: its name; line ends and NUL in it are left out.
    ///   - data: its data, in as many `data` lines as it has lines.
    package static func write(identifier: String?, event: String, data: [UInt8], into buffer: inout [UInt8]) {
        if let identifier {
            buffer.append(text: "id: ")
            appendField(identifier, to: &buffer)
        }
        buffer.append(text: "event: ")
        appendField(event, to: &buffer)
        buffer.append(text: "data: ")
        var previous: UInt8 = 0
        for byte in data {
            let isLineEnd = byte == 0x0A || byte == 0x0D
            if isLineEnd, !(byte == 0x0A && previous == 0x0D) {
                buffer.append(text: "\ndata: ")
            } else if !isLineEnd {
                buffer.append(byte)
            }
            previous = byte
        }
        buffer.append(text: "\n\n")
    }

    /// Appends a field's value without what would end it, and the line feed.
    private static func appendField(_ text: String, to buffer: inout [UInt8]) {
        for byte in text.utf8 where byte != 0x0A && byte != 0x0D && byte != 0 { buffer.append(byte) }
        buffer.append(0x0A)
    }
}
