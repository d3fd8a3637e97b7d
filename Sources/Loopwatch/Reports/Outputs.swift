// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The destinations of the log, opened.
///
/// Belongs to the writing thread.
struct Outputs: ~Copyable {
    /// What standard error is called in errors.
    static let standardErrorName = "standard error"

    private let destinations: [LogDestination]
    private var files: [String: LogFileBox] = [:]

    /// A log file that a dictionary can hold.
    private final class LogFileBox {
        var file: LogFile

        init(path: String) { file = LogFile(path: path) }
    }

    init(_ destinations: [LogDestination]) {
        self.destinations = destinations
        for case .file(let path) in destinations { files[path] = LogFileBox(path: path) }
    }

    /// Whether any destination takes lines that are no reports.
    private var takesNotes: Bool {
        destinations.contains { $0.takesNotes }
    }

    /// Opens the files that are not open or no longer at their path; returns what failed.
    mutating func open() -> [String: SystemError] {
        var failures: [String: SystemError] = [:]
        for (path, box) in files {
            do throws(SystemError) { try box.file.open() } catch { failures[path] = error }
        }
        return failures
    }

    /// Writes a line to all destinations; returns what failed.
    ///
    /// Closures are given reports only; a line about Loopwatch itself, which has none, goes to standard error where there
    /// are only closures.
    mutating func write(_ line: [UInt8], report: StallReport?) -> [String: SystemError] {
        var failures: [String: SystemError] = [:]
        let destinations = report == nil && !takesNotes ? [.standardError] : destinations
        for destination in destinations {
            switch destination {
            case .standardError:
                do throws(SystemError) {
                    try LineOutput.write(line, to: STDERR_FILENO, name: Self.standardErrorName)
                } catch {
                    failures[Self.standardErrorName] = error
                }
            case .file(let path):
                do throws(SystemError) { try files[path]?.file.write(line) } catch { failures[path] = error }
            case .closure(let closure):
                if let report { closure(report, String(decoding: line.dropLast(), as: UTF8.self)) }
            }
        }
        return failures
    }
}

extension LogDestination {
    /// Whether lines about Loopwatch itself go there; a host's logger is given reports only.
    var takesNotes: Bool {
        if case .closure = self { false } else { true }
    }
}
