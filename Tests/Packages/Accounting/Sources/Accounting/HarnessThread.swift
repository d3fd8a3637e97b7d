// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc

/// Threads of the harness, which are none of the pool's.
public enum HarnessThread {
    /// Starts a thread that runs the body and ends.
    public static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(Body(run: body)).toOpaque()
        )
        precondition(code == 0, "pthread_create returned \(code)")
        pthread_detach(thread)
    }

    /// Runs the body on a thread of its own, and suspends the caller meanwhile.
    public static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            start { continuation.resume(returning: body()) }
        }
    }

    /// Runs an asynchronous body on the pool, and waits for it on the calling thread.
    static func pool<Result: Sendable>(
        priority: TaskPriority = .medium,
        _ body: @escaping @Sendable () async -> Result
    ) -> Result {
        let result = Shared<Result?>(nil)
        let done = Gate()
        Task.detached(priority: priority) {
            let value = await body()
            result.withLock { $0 = value }
            done.open()
        }
        done.pass()
        return result.withLock { $0! }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// What a thread can be made to wait at, also in a task, which then blocks its thread.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    /// Lets so many pass.
    func open(_ count: Int = 1) { for _ in 0..<count { semaphore.signal() } }

    /// Waits; ends the process when nobody lets it pass.
    func pass(line: Int = #line, file: String = #fileID) {
        guard semaphore.wait(timeout: .now() + .seconds(120)) == .success else {
            print("WAITED TOO LONG at \(file):\(line)")
            exit(3)
        }
    }

    /// Waits for so many seconds at most; whether it could pass.
    func passes(within seconds: Double) -> Bool { semaphore.wait(timeout: .now() + seconds) == .success }
}

/// Waits until the condition holds, at most so many seconds; whether it does.
func eventually(within seconds: Double, _ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        if ContinuousClock.now > end { return false }
        usleep(500)
    }
    return true
}
