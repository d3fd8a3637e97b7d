// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Splits what is read of a log into lines, piece by piece.
struct LineSplitter {
    private var unfinished: [UInt8] = []
    private var isTooLong = false
    private let limit: Int

    /// Begins a log.
    ///
    /// - Parameter limit: longest line, in bytes.
    init(limit: Int = Limits.logLineBytes) { self.limit = limit }

    /// What has been read of the line that has no end yet.
    var rest: ArraySlice<UInt8> { unfinished[...] }
    /// Whether the line that has no end yet is too long already.
    var restIsTooLong: Bool { isTooLong }

    /// Takes the next piece; calls back with each line without its end, `nil` for one that was too long.
    mutating func add(_ piece: ArraySlice<UInt8>, _ line: (ArraySlice<UInt8>?) -> Void) {
        var piece = piece
        while let end = piece.firstIndex(of: 0x0A) {
            let part = piece[..<end]
            if isTooLong || unfinished.count + part.count > limit {
                line(nil)
            } else if unfinished.isEmpty {
                line(Self.withoutReturn(part))
            } else {
                unfinished += part
                line(Self.withoutReturn(unfinished[...]))
            }
            unfinished.removeAll(keepingCapacity: unfinished.count < 65_536)
            isTooLong = false
            piece = piece[(end + 1)...]
        }
        guard !isTooLong else { return }
        if unfinished.count + piece.count > limit {
            isTooLong = true
            unfinished = []
        } else {
            unfinished += piece
        }
    }

    private static func withoutReturn(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        line.last == 0x0D ? line.dropLast() : line
    }
}
