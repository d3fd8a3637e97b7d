// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
public import EpollLoops
internal import Glibc

/// A small host: two event loops, a serial queue and some tasks; what a server has before its first request.
public struct FootprintHost: Sendable {
    /// Its loops.
    public let loops: [EpollLoop]
    private let queue = DispatchQueue(label: "work")

    /// Starts it.
    public init() {
        loops = (0..<2).map { _ in EpollLoop() }
    }

    /// Has all of it do something once.
    public func work() {
        let done = DispatchGroup()
        for loop in loops {
            done.enter()
            loop.execute { done.leave() }
        }
        done.enter()
        queue.async { done.leave() }
        for _ in 0..<16 {
            done.enter()
            Task.detached { done.leave() }
        }
        done.wait()
    }

    /// Says that it is ready, and blocks a loop for 300 ms at each line of its input, until nobody holds that open any more.
    public func serve() {
        say("READY")
        while readLine() != nil {
            let done = DispatchSemaphore(value: 0)
            loops[0].execute {
                usleep(300_000)
                done.signal()
            }
            done.wait()
            say("DONE")
        }
    }

    private func say(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
