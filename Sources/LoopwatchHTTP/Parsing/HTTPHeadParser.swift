// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads the head of a request byte by byte; strict, since what two programs read differently is how requests are
/// smuggled past one of them.
///
/// The verdict is that of the first byte that decides, so it cannot depend on how the bytes were split on their way.
struct HTTPHeadParser: Sendable {
    /// What is known of the head so far.
    enum Verdict: Equatable {
        /// More bytes are needed.
        case incomplete
        /// This is it.
        case complete(HTTPHead)
        /// It is none.
        case rejected(HTTPRejection)
    }

    private enum State {
        case start, startLineFeed
        case method, target, version, lineLineFeed
        case fieldStart, fieldName, fieldValue, fieldLineFeed
        case endLineFeed

        /// Whether only a line feed may come next.
        var expectsLineFeed: Bool {
            switch self {
            case .startLineFeed, .lineLineFeed, .fieldLineFeed, .endLineFeed: true
            default: false
            }
        }
    }

    /// What a version looks like; a digit stands for any.
    private static let versionPattern = Array("HTTP/0.0".utf8)

    private let limits: HTTPLimits
    private var state = State.start
    private var headBytes = 0
    /// The part that is being read.
    private var part: [UInt8] = []
    private var fieldName = ""
    private var head = HTTPHead(method: "", target: [], minorVersion: 0, fields: [])

    /// Whether a byte has come.
    private(set) var hasBegun = false

    /// Whether the method is known to be HEAD, so that a refusal must not have a body.
    var isHeadMethod: Bool { head.method == "HEAD" }

    /// Creates a parser for one head.
    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Reads on; once the verdict is not `incomplete`, the parser is spent.
    ///
    /// - Returns: how many of the bytes belong to this head, and what is known now.
    mutating func parse(_ bytes: ArraySlice<UInt8>) -> (consumed: Int, verdict: Verdict) {
        var consumed = 0
        for byte in bytes {
            hasBegun = true
            consumed += 1
            do throws(HTTPRejection) {
                if try accept(byte) { return (consumed, .complete(head)) }
            } catch {
                return (consumed, .rejected(error))
            }
        }
        return (consumed, .incomplete)
    }

    /// Takes one byte; returns whether it was the head's last.
    private mutating func accept(_ byte: UInt8) throws(HTTPRejection) -> Bool {
        // Both are legal only as a pair that ends a line; alone they are the oldest trick of smuggling.
        let endsLine = byte == .lineFeed
        if endsLine != state.expectsLineFeed {
            throw .malformed(endsLine ? "a line ends without a carriage return" : "a carriage return stands alone")
        }
        if state != .start && state != .startLineFeed {
            headBytes += 1
            if headBytes > limits.headBytes {
                throw HTTPRejection(431, .limit, "the head is longer than \(limits.headBytes) bytes")
            }
        }
        switch state {
        case .start where byte == .carriageReturn:
            state = .startLineFeed
        case .start, .method:
            if state == .start { headBytes += 1 }
            try acceptMethod(byte)
        case .startLineFeed:
            // One empty line before the request is let pass (RFC 9112 section 2.2); `method` accepts no second one.
            state = .method
        case .target:
            try acceptTarget(byte)
        case .version:
            try acceptVersion(byte)
        case .lineLineFeed, .fieldLineFeed:
            state = .fieldStart
        case .fieldStart, .fieldName:
            try acceptFieldName(byte)
        case .fieldValue:
            try acceptFieldValue(byte)
        case .endLineFeed:
            return true
        }
        return false
    }

    private mutating func acceptMethod(_ byte: UInt8) throws(HTTPRejection) {
        state = .method
        if byte == .space, !part.isEmpty {
            head.method = takePart()
            state = .target
        } else if !byte.isToken || part.count >= limits.methodBytes {
            throw .malformed("the request does not begin with a method")
        } else {
            part.append(byte)
        }
    }

    private mutating func acceptTarget(_ byte: UInt8) throws(HTTPRejection) {
        if byte == .space, !part.isEmpty {
            head.target = part
            part.removeAll(keepingCapacity: true)
            state = .version
        } else if !byte.isVisible {
            throw .malformed("the request line is not a method, a target and a version, with single spaces")
        } else if part.count >= limits.targetBytes {
            throw HTTPRejection(414, .limit, "the target is longer than \(limits.targetBytes) bytes")
        } else {
            part.append(byte)
        }
    }

    private mutating func acceptVersion(_ byte: UInt8) throws(HTTPRejection) {
        let pattern = HTTPHeadParser.versionPattern
        if byte == .carriageReturn, part.count == pattern.count {
            // The digits are at these places, or the bytes would not have been accepted.
            guard part[5] == UInt8(ascii: "1") else {
                throw HTTPRejection(505, .malformed, "only HTTP/1.0 and HTTP/1.1 are spoken here")
            }
            head.minorVersion = Int(part[7] - UInt8(ascii: "0"))
            part.removeAll(keepingCapacity: true)
            state = .lineLineFeed
            return
        }
        guard part.count < pattern.count else { throw .malformed("the request line does not end after the version") }
        let expected = pattern[part.count]
        guard expected.isDigit ? byte.isDigit : byte == expected else {
            throw .malformed("the request line does not end with a version such as HTTP/1.1")
        }
        part.append(byte)
    }

    private mutating func acceptFieldName(_ byte: UInt8) throws(HTTPRejection) {
        if state == .fieldStart, byte == .carriageReturn {
            state = .endLineFeed
            return
        }
        if state == .fieldStart, head.fields.count >= limits.fields {
            throw HTTPRejection(431, .limit, "there are more than \(limits.fields) header fields")
        }
        state = .fieldName
        if byte == UInt8(ascii: ":"), !part.isEmpty {
            fieldName = takePart().lowercased()
            state = .fieldValue
        } else if !byte.isToken {
            throw .malformed("a header field has no valid name followed by a colon")
        } else {
            part.append(byte)
        }
    }

    private mutating func acceptFieldValue(_ byte: UInt8) throws(HTTPRejection) {
        if byte == .carriageReturn {
            while let last = part.last, last == .space || last == .tab { part.removeLast() }
            head.fields.append(HTTPField(name: fieldName, value: takePart()))
            state = .fieldLineFeed
        } else if !byte.isFieldValue {
            throw .malformed("the value of a header field has a control character")
        } else if !part.isEmpty || (byte != .space && byte != .tab) {
            part.append(byte)
        }
    }

    private mutating func takePart() -> String {
        defer { part.removeAll(keepingCapacity: true) }
        return String(decoding: part, as: UTF8.self)
    }
}
