// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

@Suite("A cache of two generations")
struct GenerationCacheTests {
    @Test("it never holds more than its capacity, and counts what it dropped")
    func bounded() {
        var cache = GenerationCache<Int, Int>(capacity: 10)
        for key in 0..<1_000 {
            cache.insert(key, for: key)
            #expect(cache.count <= 10)
        }
        #expect(cache.evictions + cache.count == 1_000)
        #expect(cache.value(for: 999) == 999)
        #expect(cache.value(for: 0) == nil)
    }

    @Test("what is used stays")
    func used() {
        var cache = GenerationCache<Int, Int>(capacity: 10)
        cache.insert(7, for: -1)
        for key in 0..<1_000 {
            cache.insert(key, for: key)
            #expect(cache.value(for: -1) == 7)
        }
    }

    @Test("a value can be replaced, and all be forgotten")
    func replaced() {
        var cache = GenerationCache<Int, Int>(capacity: 4)
        for value in 0..<20 { cache.insert(value, for: 1) }
        #expect(cache.count == 1)
        #expect(cache.value(for: 1) == 19)
        #expect(cache.evictions == 0)
        cache.removeAll()
        #expect(cache.value(for: 1) == nil)
    }
}
