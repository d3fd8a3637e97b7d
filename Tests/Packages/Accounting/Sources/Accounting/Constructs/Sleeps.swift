// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Every way to sleep: never too short, and in order.
func observeSleeps(_ observations: Observations) {
    let forms: [(String, @Sendable (Duration) async throws -> Void)] = [
        ("nanoseconds", { try await Task.sleep(nanoseconds: UInt64($0 / .nanoseconds(1))) }),
        ("for", { try await Task.sleep(for: $0) }),
        ("for, tolerance", { try await Task.sleep(for: $0, tolerance: .milliseconds(5)) }),
        ("for, suspending", { try await Task.sleep(for: $0, clock: .suspending) }),
        (
            "for, suspending, tolerance",
            { try await Task.sleep(for: $0, tolerance: .milliseconds(5), clock: .suspending) }
        ),
        ("until, continuous", { try await Task.sleep(until: .now + $0, clock: .continuous) }),
        ("until, suspending", { try await Task.sleep(until: .now + $0, tolerance: .zero, clock: .suspending) }),
        ("a clock's own", { try await ContinuousClock().sleep(for: $0) }),
        ("nothing", { _ in try await Task.sleep(nanoseconds: 0) }),
    ]
    for (name, form) in forms {
        let length = name == "nothing" ? Duration.zero : .milliseconds(20)
        let slept = HarnessThread.pool { () -> Duration in
            let began = ContinuousClock.now
            try? await form(length)
            return ContinuousClock.now - began
        }
        observations.same("sleep \(name) is long enough", slept >= length)
        observations.within("seconds of sleep \(name)", slept / .seconds(1), 0...5)
    }
    let order = Trace()
    HarnessThread.pool {
        await withTaskGroup(of: Void.self) { group in
            // Far apart: timers that are due at once, because the machine did nothing for a while, fire in any order.
            for (index, (_, form)) in [forms[0], forms[3], forms[5]].enumerated().reversed() {
                group.addTask {
                    try? await form(.milliseconds(20 + 1500 * index))
                    order.note("\(index)")
                }
            }
        }
    }
    observations.same("order of sleeps", order.text)
    let many = HarnessThread.pool {
        await withTaskGroup(of: Int.self) { group in
            for number in 0..<500 {
                group.addTask {
                    try? await Task.sleep(for: .microseconds(number * 10))
                    return 1
                }
            }
            return await group.reduce(0, +)
        }
    }
    observations.same("of 500 sleeps at once end", many)
}
