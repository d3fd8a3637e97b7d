// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Writes what was found of Swift's pool as members of a JSON object; nothing for other reports.
enum PoolFindingJSONWriter {
    /// Appends the members, each after a comma.
    static func write(_ report: StallReport, into buffer: inout [UInt8]) {
        guard let pool = report.pool else { return }
        buffer.append(text: #","finding":"#)
        buffer.append(jsonString: label(of: pool.kind))
        if pool.lane.isOfPool, pool.isOfSwift {
            buffer.append(text: #","priority":"#)
            buffer.append(jsonString: pool.lane.label)
        }
        if pool.kind == .heldThread, let job = pool.holders.first {
            buffer.append(text: #","job":"#)
            write(job, into: &buffer)
            return
        }
        buffer.append(text: #","threads":"#)
        buffer.append(decimal: Int64(pool.width))
        buffer.append(text: #","threads_held":"#)
        buffer.append(decimal: Int64(pool.held))
        if pool.kind != .saturated {
            buffer.append(text: #","jobs_waiting":"#)
            buffer.append(decimal: Int64(pool.waiting))
        }
        if report.state != .ended, let oldest = pool.oldestWaitNanoseconds {
            buffer.append(text: #","oldest_wait_ms":"#)
            buffer.append(jsonMillisecondsOfNanoseconds: oldest)
        }
        if let sentence = PoolSentence.text(of: report) {
            buffer.append(text: #","why":"#)
            buffer.append(jsonString: sentence.clipped(toBytes: Limits.nameBytesInStack))
        }
        if !pool.holders.isEmpty {
            buffer.append(text: #","holders":["#)
            for (index, job) in pool.holders.enumerated() {
                if index > 0 { buffer.append(0x2C) }
                write(job, into: &buffer)
            }
            buffer.append(0x5D)
        }
        guard !report.groups.isEmpty else { return }
        buffer.append(text: #","groups":["#)
        for (index, group) in report.groups.enumerated() {
            if index > 0 { buffer.append(0x2C) }
            buffer.append(text: #"{"threads":"#)
            buffer.append(decimal: Int64(group.threads))
            StackJSONWriter.writeSummary(
                of: group.stack,
                identifier: Stack.identifier(of: group.stack.fingerprint),
                into: &buffer
            )
            buffer.append(0x7D)
        }
        buffer.append(0x5D)
    }

    private static func write(_ job: Job, into buffer: inout [UInt8]) {
        buffer.append(text: #"{"kind":"#)
        buffer.append(jsonString: job.kind.label)
        buffer.append(text: #","tid":"#)
        buffer.append(decimal: Int64(job.thread))
        if let task = job.task {
            buffer.append(text: #","task":"#)
            buffer.append(decimal: task)
        }
        if let name = job.name {
            buffer.append(text: #","name":"#)
            buffer.append(jsonString: name)
        }
        buffer.append(0x7D)
    }

    private static func label(of kind: PoolFinding.Kind) -> String {
        switch kind {
        case .heldThread: "held_thread"
        case .starved: "starved"
        case .takenByOthers: "taken_by_others"
        case .congested: "congested"
        case .saturated: "saturated"
        }
    }
}
