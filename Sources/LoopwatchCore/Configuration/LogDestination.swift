// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where warnings go.
public enum LogDestination: Sendable {
    /// One line a warning to standard error.
    case standardError
    /// One line a warning, appended to a file, which is opened again when it was renamed or removed.
    case file(path: String)
    /// A closure, so that a host logs through its own logger. It is called on a thread of Loopwatch's own, one report at
    /// a time, with the report and its line (without the newline); it may block without harm to detection.
    case closure(@Sendable (StallReport, String) -> Void)
}
