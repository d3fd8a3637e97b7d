// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Where to begin with warnings: after one of them, or with those of the last time.
enum WarningStart: Equatable {
    /// After the warning of an id.
    case after(WarningIdentifier)
    /// With those of a time before now, as it was written.
    case last(String)

    /// Reads an id such as `a1b2c3d4-57`, or a duration; `nil` for anything else.
    init?(_ text: String) {
        if DurationText.parse(text) != nil {
            self = .last(text)
        } else if let identifier = WarningIdentifier(text) {
            self = .after(identifier)
        } else {
            return nil
        }
    }
}

/// What names a warning: the run of the program, and its number within that.
struct WarningIdentifier: Equatable, CustomStringConvertible {
    /// The run; numbers begin anew with each.
    var run: String
    /// The number.
    var number: UInt64

    /// Creates an identifier.
    init(run: String, number: UInt64) {
        self.run = run
        self.number = number
    }

    /// Reads `RUN-NUMBER`; `nil` for anything else.
    init?(_ text: String) {
        guard let hyphen = text.lastIndex(of: "-"), let number = UInt64(text[text.index(after: hyphen)...]) else {
            return nil
        }
        let run = text[..<hyphen]
        // It becomes a part of a path.
        guard !run.isEmpty, run.utf8.count <= 64, run.utf8.allSatisfy({ Self.isPlain($0) }) else { return nil }
        self.init(run: String(run), number: number)
    }

    /// The identifier as it was written.
    var description: String { "\(run)-\(number)" }

    /// Whether a text can be the name of a run.
    static func isRun(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { isPlain($0) } }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
