// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchPlatform

/// The command `loopwatch report`: reads logs of warnings, and says who blocked.
struct ReportCommand {
    let options: ReportOptions
    let output: Console

    /// Reads and prints.
    ///
    /// - Throws: ``CommandError`` when a file cannot be read, or none has a warning.
    func run() throws(CommandError) {
        let errors = Console(.standardError)
        var reader = WarningLogReader()
        var log = StallLog()
        var reading = ReadingResult()
        var unreadable: [String] = []
        for path in options.paths {
            var splitter = LineSplitter()
            do throws(LogSource.Problem) {
                defer {
                    if splitter.restIsTooLong {
                        reader.read(nil) { log.add($0) }
                    } else {
                        reader.read(splitter.rest, isComplete: false) { log.add($0) }
                    }
                }
                try LogSource.read(path) { piece in
                    splitter.add(piece) { line in reader.read(line) { log.add($0) } }
                }
                reading.files += 1
            } catch {
                switch error {
                case .unreadable(let reason):
                    unreadable.append(path)
                    errors.line("loopwatch: \(path) is not read: \(reason).")
                case .damaged(let reason):
                    reading.files += 1
                    errors.line("loopwatch: \(path): \(reason).")
                case .withoutGzip:
                    throw .unavailable(
                        "\(path) is compressed, and there is no gzip; install it, or uncompress the file."
                    )
                }
            }
        }
        reading.counts = reader.counts
        reading.leftOut = log.leftOut
        let now = Clock.unixNanoseconds()
        let since = options.since?.unixNanoseconds(now: now)
        let until = options.until?.unixNanoseconds(now: now)
        let summary = BlockedTimeSummary(log, since: since, until: until)
        switch options.form {
        case .text: output.write(SummaryTextWriter.text(summary, reading, limit: options.limit))
        case .json: output.write(SummaryJSONWriter.text(summary, reading, limit: options.limit))
        case .folded, .flameGraph:
            let profile = LogProfile.profile(of: log, since: since, until: until)
            var bytes: [UInt8] = []
            if options.form == .folded {
                FoldedStackWriter.write(profile, into: &bytes)
            } else {
                FlameGraphWriter.write(
                    profile,
                    process: "the logs",
                    unixNanoseconds: summary.lastUnixNanoseconds ?? now,
                    into: &bytes
                )
            }
            output.write(String(decoding: bytes, as: UTF8.self))
            for remark in SummaryTextWriter.remarks(on: summary, reading) { errors.line("loopwatch: \(remark).") }
        }
        guard unreadable.isEmpty else {
            throw CommandError(
                message: "\(unreadable.count) of \(options.paths.count) files could not be read.",
                exitCode: .input
            )
        }
        guard reader.counts.warnings > 0 || reader.counts.lines == 0 else {
            let example = reader.counts.example.map { ", such as '\($0)'" } ?? ""
            throw CommandError(
                message: "none of \(reader.counts.lines) lines is a warning; expected a log of Loopwatch\(example).",
                exitCode: .data
            )
        }
    }
}

/// The stalls of logs as a profile, for folded stacks and flame graphs.
enum LogProfile {
    /// Puts the profile together; like the profile of a watch, without congestion and interruptions.
    static func profile(of log: StallLog, since: Int64? = nil, until: Int64? = nil) -> StallProfile {
        let stalls = BlockedTimeSummary.selected(log, since: since, until: until)
            .filter { $0.record.kind == .stall || $0.record.kind == .hold }
        var profile = StallProfile(
            beganUnixNanoseconds: stalls.map(\.record.beganUnixNanoseconds).min() ?? 0,
            capacity: Limits.logStacks
        )
        for stall in stalls {
            let record = stall.record
            guard let number = stall.stack else {
                profile.recordUnattributed(nanoseconds: record.nanoseconds, isNewStall: true)
                continue
            }
            profile.record(
                stack: log.stacks[number],
                subject: record.subject,
                target: record.qualifiedTarget,
                cause: cause(record.cause),
                nanoseconds: record.nanoseconds,
                isNewStall: true,
                stallNanoseconds: record.nanoseconds,
                unixNanoseconds: record.unixNanoseconds
            )
        }
        return profile
    }

    /// The cause that a text names.
    static func cause(_ text: String) -> Cause {
        if text.hasPrefix("syscall:") { return .syscall(String(text.dropFirst(8))) }
        let known: [Cause] = [.cpu, .lock, .runqueue, .throttled, .suspended, .congestion, .starvation]
        return known.first { $0.label == text } ?? .unknown
    }
}
