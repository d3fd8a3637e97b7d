// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import LoopwatchPlatform
internal import Synchronization

/// Finds the layout of Dispatch queues by watching three jobs run on a queue of our own.
///
/// Never waits: it is begun by the watchdog, runs when Dispatch gets round to it, and is asked for its outcome later.
final class DispatchLayoutExperiment: Sendable {
    private struct Storage {
        var exposures: [DispatchQueueLayout.Exposure] = []
    }

    private let storage = Mutex(Storage())
    private let queue = DispatchQueue(label: "loopwatch.layout", attributes: .initiallyInactive)
    private let address: UInt?

    /// Enqueues the three jobs.
    init() {
        address = DispatchQueueLayout.address(ofWrapper: Unmanaged.passUnretained(queue).toOpaque())
        if let address {
            for _ in 0..<3 { queue.async { self.expose(address) } }
        }
        // Also where nothing was enqueued: an inactive queue must not be released.
        queue.activate()
    }

    /// The layout; `nil` as long as the jobs have not run, and for good if they show no layout.
    func layout() -> DispatchQueueLayout? {
        guard let address else { return nil }
        let exposures = storage.withLock { $0.exposures }
        guard exposures.count == 3, let idle = Memory.words(at: address, count: DispatchQueueLayout.wordCount) else {
            return nil
        }
        return DispatchQueueLayout(jobs: exposures, idle: idle)
    }

    private func expose(_ address: UInt) {
        guard let words = Memory.words(at: address, count: DispatchQueueLayout.wordCount) else { return }
        storage.withLock {
            $0.exposures.append(DispatchQueueLayout.Exposure(words: words, thread: OwnThread.currentIdentifier))
        }
    }
}
