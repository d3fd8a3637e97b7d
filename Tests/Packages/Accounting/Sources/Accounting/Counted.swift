// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A number that many threads count up.
final class Counted: Sendable {
    private let number = Atomic<Int>(0)

    func add(_ count: Int = 1) { number.add(count, ordering: .relaxed) }

    var value: Int { number.load(ordering: .acquiring) }
}

/// A value that closures on several threads work with.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in
            var copy = value
            let result = body(&copy)
            value = copy
            return result
        }
    }
}
