// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is wrong in a configuration file, and where.
struct ConfigurationProblem: Error, Equatable, CustomStringConvertible {
    /// Path of the file.
    var file: String
    /// Where in it; `nil` if the file as a whole is meant.
    var position: TextPosition?
    /// The key, with those of the objects around it: `processes[0].port`; empty for the file as a whole.
    var key: String
    /// A sentence without its end: what was found and what was expected.
    var message: String

    /// `FILE:LINE:COLUMN: KEY: MESSAGE.`, the form in which compilers tell of errors.
    var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(place): \(key.isEmpty ? "" : key + ": ")\(message)."
    }
}
