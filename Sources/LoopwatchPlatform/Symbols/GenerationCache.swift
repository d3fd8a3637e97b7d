// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A bounded dictionary that forgets what was not used lately, in constant time: two generations, of which the older is
/// dropped when the younger is full.
struct GenerationCache<Key: Hashable, Value> {
    /// Most entries that are kept.
    let capacity: Int
    /// Entries that were dropped for want of room.
    private(set) var evictions = 0
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    /// Creates an empty cache of at least two entries.
    init(capacity: Int) { self.capacity = max(2, capacity) }

    /// Entries that are kept; an upper bound, because one entry may for a moment be in both generations.
    var count: Int { young.count + old.count }

    /// Looks up a value, and marks it as used.
    mutating func value(for key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        insert(value, for: key)
        return value
    }

    /// Keeps a value.
    mutating func insert(_ value: Value, for key: Key) {
        old.removeValue(forKey: key)
        if young[key] == nil, young.count >= capacity / 2 {
            evictions += old.count
            old = young
            young = [:]
        }
        young[key] = value
    }

    /// Forgets everything; not counted as evictions.
    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
