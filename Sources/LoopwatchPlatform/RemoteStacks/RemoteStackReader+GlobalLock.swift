// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

extension RemoteStackReader {
    /// The thread that holds Python's global lock, and its stack; `nil` if none does.
    ///
    /// It is what a thread that wants to run Python, and sleeps, waits for. `nil` also if the lock was passed on each time that
    /// the stack was read. Stops nothing. Says nothing of whether a thread waits for the lock.
    package mutating func globalLockHolder() -> (thread: Int32, stack: Stack)? {
        for _ in 0..<RemoteStackLimits.readings {
            guard let inner = runtimes.python?.frames.globalLockHolder(),
                let thread = RemoteThreadList.thread(withInnerIdentifier: inner, in: process),
                case .success(let stack) = stack(of: thread, allowsStop: false)
            else { continue }
            // Still, or again: a lock that is passed on every 5 ms does not come back in the time of one reading.
            if runtimes.python?.frames.globalLockHolder() == inner { return (thread, stack) }
        }
        return nil
    }

    /// Reads now what the first stack would have to wait for: symbols, and the code of where threads are at this moment.
    ///
    /// Costs from 10 ms to some 100 ms, once; to be called when there is time, as after attaching. Stops nothing.
    package mutating func prepare() {
        let before = statistics
        defer { statistics = before }
        names.readSymbols(of: images)
        for thread in RemoteThreadList.identifiers(of: process).prefix(RemoteStackLimits.threadsPrepared) {
            _ = stack(of: thread, allowsStop: false)
        }
    }
}
