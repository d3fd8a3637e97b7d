// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Gives processes names that stay as short as they can be and still tell them apart.
///
/// A name that becomes free is given to the next process that asks for it, so that a worker which is restarted goes on with
/// the series of the one before.
public struct ProcessNames: Sendable {
    private var taken: [String: Int32] = [:]

    /// Creates names of which none is taken.
    public init() {}

    /// A name for a process: the one that it asks for, or that with `-2`, `-3` and so on behind it.
    public mutating func name(_ wanted: String, for process: Int32) -> String {
        let base = wanted.isEmpty ? "process" : wanted
        var name = base
        var number = 2
        while let owner = taken[name], owner != process {
            name = "\(base)-\(number)"
            number += 1
        }
        taken[name] = process
        return name
    }

    /// Frees the names of a process.
    public mutating func release(_ process: Int32) {
        taken = taken.filter { $0.value != process }
    }
}
