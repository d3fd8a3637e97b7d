// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// What was said of one case, held against the truth.
public struct Verdict: Sendable, Codable {
    /// The case.
    public var name: String
    /// The kind of thread.
    public var place: String
    /// The frames that had to be found, innermost first.
    public var expected: [String]
    /// The frame that was blamed, or why there was none.
    public var blamed = "-"
    /// The frames that were found, with the mark of their link; for people.
    public var frames: [String] = []
    /// The cause that was reported.
    public var cause = "-"
    /// How long the block lasted, in milliseconds.
    public var milliseconds: Double = 0
    /// How long after its beginning the block was told, in milliseconds.
    public var millisecondsUntilTold: Double = 0
    /// Whether it was told while it was blocked.
    public var isToldInTime = true
    /// How often it was run.
    public var attempts = 1
    /// Whether the frame blamed is the one that blocked.
    public var isBlameRight = false
    /// Whether all true frames were found in order, and no false one.
    public var isStackRight = false
    /// Whether the cause is right.
    public var isCauseRight = false
    /// What else went wrong: no report while it was blocked, a call cut short.
    public var problems: [String] = []
    /// Why the case cannot be had on this machine.
    public var notPossible: String?

    /// Whether all is as it should be.
    public var isRight: Bool { isBlameRight && isStackRight && isCauseRight && problems.isEmpty }

    /// Nothing is known yet.
    init(name: String, place: String, expected: [String]) {
        self.name = name
        self.place = place
        self.expected = expected
    }

    /// Judges a stack.
    ///
    /// - Parameters:
    ///   - stack: what was captured.
    ///   - omitted: why nothing was.
    ///   - calledBack: beginnings of names that may be blamed as well.
    mutating func judge(_ stack: Stack?, omitted: String?, calledBack: [String]) {
        guard let stack, let blamedFrame = stack.blamed else {
            blamed = "no stack: \(omitted ?? "no reason")"
            return
        }
        blamed = blamedFrame.function
        frames = stack.frames.map { frame in
            (frame.link == .asynchronous ? "< " : "") + (frame.isUncertain ? "? " : "") + frame.function
                + (frame.origin == .host ? "" : " [\(frame.origin.rawValue)]")
        }
        let functions = stack.frames.map { Self.function(of: $0.function) }
        let innermost = Self.function(of: blamedFrame.function)
        isBlameRight =
            blamedFrame.origin == .host
            && (innermost == expected[0] || calledBack.contains { innermost.hasPrefix($0) })
        var missing = expected[...]
        for function in functions where function == missing.first { missing.removeFirst() }
        let wrong = functions.filter { BlockingPrograms.functions.contains($0) && !expected.contains($0) }
        isStackRight = missing.isEmpty && wrong.isEmpty
        if let first = missing.first { problems.append("not found in order: \(first)") }
        if !wrong.isEmpty { problems.append("never called: \(wrong.joined(separator: ", "))") }
    }

    /// The function that a name is of: closures are code of the function that they are written in.
    private static func function(of name: String) -> String {
        var words = name.split(separator: " in ", omittingEmptySubsequences: false)
        guard words.count > 1, words[0].contains("closure #") else { return name }
        return String(words.removeLast())
    }
}
