// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// The program of the article on getting started, which the test runs as well.

// sample: embed
import Glibc
import Loopwatch
import NIOCore
import NIOPosix

let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
let watch = try Loopwatch.start()
for (index, loop) in group.makeIterator().enumerated() {
    watch.add(.loop("http-\(index)") { loop.execute($0) })
}
// end

// sample: first block
/// Asks an upstream server the way that blocks.
func callUpstream() {
    usleep(300_000)
}

sleep(1)  // A server has been up for a while by then.
group.next().execute { callUpstream() }
sleep(1)
watch.stop()
// end
try await group.shutdownGracefully()
