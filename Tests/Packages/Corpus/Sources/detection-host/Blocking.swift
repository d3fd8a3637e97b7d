// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// The ways in which a job holds what runs it.
///
/// Each returns when it began and ended.
enum Blocking: String {
    case sleep
    case cpu
    case lock

    /// Holds the calling thread; `held` is what a job of the kind `lock` waits for.
    @inline(never)
    func hold(seconds: Double, _ held: HeldLock?) -> (began: Double, ended: Double) {
        switch self {
        case .sleep: Self.waitForBackend(seconds)
        case .cpu: Self.crunchNumbers(seconds)
        case .lock: held?.take() ?? Self.waitForBackend(seconds)
        }
    }

    @inline(never)
    private static func waitForBackend(_ seconds: Double) -> (Double, Double) {
        let began = Told.now
        usleep(UInt32(seconds * 1e6))
        return (began, Told.now)
    }

    @inline(never)
    private static func crunchNumbers(_ seconds: Double) -> (Double, Double) {
        let began = Told.now
        var sum: UInt64 = 0
        while Told.now < began + seconds {
            for number in 0..<200 as Range<UInt64> { sum = sum &* 31 &+ number }
        }
        return (sum == 1 ? 0 : began, Told.now)
    }
}

/// A lock that another thread holds, and frees so long after all who are expected have come to wait for it.
final class HeldLock: Sendable {
    private let lock = Mutex(0)
    private let isWaitedFor = DispatchSemaphore(value: 0)

    init(seconds: Double, waiters: Int) {
        let isTaken = DispatchSemaphore(value: 0)
        ownThread { [self] in
            lock.withLock { _ in
                isTaken.signal()
                for _ in 0..<waiters { isWaitedFor.wait() }
                usleep(UInt32(seconds * 1e6))
            }
        }
        isTaken.wait()
    }

    /// Waits for it; returns when that began and ended.
    @inline(never)
    func take() -> (began: Double, ended: Double) {
        isWaitedFor.signal()
        let began = Told.now
        lock.withLock { $0 += 1 }
        return (began, Told.now)
    }
}

/// Runs something on a thread of its own.
func ownThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var handle = pthread_t()
    let code = pthread_create(
        &handle,
        nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        Unmanaged.passRetained(Box(body)).toOpaque()
    )
    precondition(code == 0, "pthread_create failed with \(code)")
    pthread_detach(handle)
}
