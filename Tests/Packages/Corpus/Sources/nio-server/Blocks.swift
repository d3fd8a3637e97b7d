// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// The ways in which handlers block their loop.
///
/// An optimising build would put each into its only caller, and nothing would be left to name: code of real size stays.
enum Blocks {
    /// Blocks, by the path of the request.
    static let all: [(kind: String, block: @Sendable (Double) -> Double)] = [
        ("sleep", waitForBackend), ("cpu", crunchNumbers), ("lock", takeInventoryLock), ("child", runConverter),
        ("semaphore", waitForResult),
    ]

    private static let inventory = Mutex(0)

    /// Sleeps, as a client that is written for threads does between attempts.
    @inline(never)
    static func waitForBackend(_ seconds: Double) -> Double {
        let began = Truth.now
        usleep(UInt32(seconds * 1e6))
        return began
    }

    /// Computes.
    @inline(never)
    static func crunchNumbers(_ seconds: Double) -> Double {
        let began = Truth.now
        var sum: UInt64 = 0
        while Truth.now < began + seconds {
            for number in 0..<20_000 as Range<UInt64> { sum = sum &* 31 &+ number }
        }
        return sum == 1 ? 0 : began
    }

    /// Waits for a lock that another thread holds.
    @inline(never)
    static func takeInventoryLock(_ seconds: Double) -> Double {
        let taken = DispatchSemaphore(value: 0)
        let thread = Thread {
            inventory.withLock { _ in
                taken.signal()
                usleep(UInt32(seconds * 1e6))
            }
        }
        taken.wait()
        let began = Truth.now
        inventory.withLock { $0 += 1 }
        thread.join()
        return began
    }

    /// Waits for the end of another process.
    @inline(never)
    static func runConverter(_ seconds: Double) -> Double {
        let began = Truth.now
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("\(seconds)"), nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, "sleep", nil, nil, arguments, environ) == 0 else { return began }
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return began
    }

    /// Waits for what a queue is to come to, as code does that makes a synchronous function of an asynchronous one.
    @inline(never)
    static func waitForResult(_ seconds: Double) -> Double {
        let began = Truth.now
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { done.signal() }
        done.wait()
        return began
    }
}

/// A thread of its own.
struct Thread {
    private let handle: pthread_t

    init(_ body: @escaping @Sendable () -> Void) {
        var handle = pthread_t()
        let box = Unmanaged.passRetained(Body(body))
        let code = pthread_create(
            &handle,
            nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        precondition(code == 0, "pthread_create failed with \(code)")
        self.handle = handle
    }

    func join() { pthread_join(handle, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
