// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Reads back what `StackLineWriter` writes of a stack: `innerBlocking() Checkout.swift:14`, and its callers.
enum PlaceText {
    /// The frames that a warning line names, innermost first.
    static func stack(at place: String, via callers: String) -> Stack {
        var frames = [frame(place)]
        var isTruncated = false
        var isAsynchronous = callers.hasPrefix("<~ ")
        var rest = Substring(isAsynchronous ? callers.dropFirst(3) : callers[...])
        while !rest.isEmpty {
            let next = [" < ", " <~ "].compactMap { separator in
                rest.firstRange(of: separator).map { (range: $0, isAsynchronous: separator == " <~ ") }
            }.min { $0.range.lowerBound < $1.range.lowerBound }
            let name = rest[..<(next?.range.lowerBound ?? rest.endIndex)]
            if name == "..." { isTruncated = true } else { frames.append(frame(name, isAsynchronous: isAsynchronous)) }
            rest = next.map { rest[$0.range.upperBound...] } ?? ""
            isAsynchronous = next?.isAsynchronous ?? false
        }
        return Stack(frames: frames, isTruncated: isTruncated)
    }

    /// The place that a sentence about a pool names first: after `: 2 at `.
    static func firstPlace(of sentence: String) -> String? {
        var rest = Substring(sentence)
        while let colon = rest.firstRange(of: ": ") {
            rest = rest[colon.upperBound...]
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, rest.dropFirst(digits.count).hasPrefix(" at ") else { continue }
            let places = rest.dropFirst(digits.count + 4)
            // The next place begins with its count.
            var end = places.endIndex
            var search = places
            while let comma = search.firstRange(of: ", ") {
                search = search[comma.upperBound...]
                let count = search.prefix { $0.isASCII && $0.isNumber }
                if search == "..." || (!count.isEmpty && search.dropFirst(count.count).hasPrefix(" at ")) {
                    end = comma.lowerBound
                    break
                }
            }
            return String(places[..<end])
        }
        return nil
    }

    private static func frame(_ text: some StringProtocol, isAsynchronous: Bool = false) -> StackFrame {
        var name = String(text)
        var file: String?
        var line: Int?
        // A file follows after the last space, with its line where that is known.
        if let space = name.lastIndex(of: " ") {
            let last = name[name.index(after: space)...]
            let parts = last.split(separator: ":", maxSplits: 1)
            let number = parts.count == 2 ? Int(parts[1]) : nil
            if let first = parts.first, first.contains("."), number != nil || parts.count == 1, !last.hasSuffix(")") {
                file = String(first)
                line = number
                name = String(name[..<space])
            }
        }
        let isUncertain = name.count > 1 && name.hasSuffix("?")
        return StackFrame(
            function: isUncertain ? String(name.dropLast()) : name,
            file: file,
            line: line,
            module: "",
            origin: .host,
            link: isAsynchronous ? .asynchronous : .call,
            isUncertain: isUncertain
        )
    }
}
