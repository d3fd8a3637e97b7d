// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The target of a request: its path and the parameters of its query, decoded.
struct HTTPTarget {
    /// The path, decoded once.
    ///
    /// There are no files behind it, so dot segments mean nothing.
    var path: String
    /// The parameters in their order.
    var query: [(name: String, value: String)]

    /// Reads a target that begins with `/`.
    init(_ target: ArraySlice<UInt8>, limits: HTTPLimits) throws(HTTPRejection) {
        guard target.first == UInt8(ascii: "/") else { throw .malformed("the target does not begin with /") }
        guard !target.contains(UInt8(ascii: "#")) else { throw .malformed("the target has a fragment") }
        let parts = target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        path = try HTTPTarget.decode(parts.first ?? [], plusIsSpace: false)
        query = []
        guard parts.count > 1 else { return }
        // An empty parameter (`?`, `a&&b`) is none.
        for parameter in parts[1].split(separator: UInt8(ascii: "&")) {
            guard query.count < limits.queryParameters else {
                throw HTTPRejection(400, .limit, "the query has more than \(limits.queryParameters) parameters")
            }
            let sides = parameter.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try HTTPTarget.decode(sides.first ?? [], plusIsSpace: true)
            let value = try HTTPTarget.decode(sides.count > 1 ? sides[1] : [], plusIsSpace: true)
            guard name.utf8.count + value.utf8.count <= limits.queryParameterBytes else {
                throw HTTPRejection(400, .limit, "a parameter is longer than \(limits.queryParameterBytes) bytes")
            }
            query.append((name: name, value: value))
        }
    }

    private static func decode(_ text: ArraySlice<UInt8>, plusIsSpace: Bool) throws(HTTPRejection) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst()?.hexadecimalValue, let low = rest.popFirst()?.hexadecimalValue else {
                    throw .malformed("the target has a % without two hexadecimal digits")
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(.space)
            default:
                bytes.append(byte)
            }
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("the target is not UTF-8 text")
        }
        return decoded
    }
}
