// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One block as the code that blocked saw it: the truth that a report is compared with.
public struct BlockRecord: Sendable, Equatable {
    /// Name of the target that was blocked.
    public var target: String
    /// How long it was blocked, in nanoseconds.
    public var nanoseconds: Int64

    /// Creates a record.
    public init(target: String, nanoseconds: Int64) {
        self.target = target
        self.nanoseconds = nanoseconds
    }

    /// Reads what ``text`` wrote; `nil` for anything else.
    public init?(text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let nanoseconds = Int64(words[1]) else { return nil }
        self.init(target: String(words[0]), nanoseconds: nanoseconds)
    }

    /// The body of the answer to a request that blocked, such as `http-0 1000123456`.
    public var text: String { "\(target) \(nanoseconds)" }
}
