// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Hands named strings to a `Decodable` type: the only way into `Runtime.Backtrace`, which has no public initializer.
struct BacktraceFields: Decoder {
    /// Thrown for everything but a string under a known key.
    struct Unsupported: Error {}

    /// The strings, by key.
    let strings: [String: String]

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Container<Key>(strings: strings))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unsupported() }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Unsupported() }
}

extension BacktraceFields {
    private struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let strings: [String: String]

        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { strings.keys.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { strings[key.stringValue] != nil }
        func decodeNil(forKey key: Key) throws -> Bool { !contains(key) }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try decode(key) }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try decode(key) }

        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decode(key) }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decode(key) }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decode(key) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decode(key) }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decode(key) }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decode(key) }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decode(key) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decode(key) }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decode(key) }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decode(key) }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decode(key) }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decode(key) }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decode(key) }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type,
            forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            throw Unsupported()
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Unsupported() }
        func superDecoder() throws -> any Decoder { throw Unsupported() }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw Unsupported() }

        private func decode<Value>(_ key: Key) throws -> Value {
            guard let value = strings[key.stringValue] as? Value else { throw Unsupported() }
            return value
        }
    }
}
