// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Loopwatch

/// What the standard metrics tell of this process.
@Suite("Statistics of the host")
struct HostStatisticsTests {
    @Test("as many descriptors are told as are open, the one by which they are counted is not among them")
    func openDescriptors() async {
        // A process of its own, in which no other test opens any. Dispatch does: its manager looks now and then at what its
        // workers do, in a file that it has open for some microseconds. A count that is wrong is wrong every time.
        await #expect(processExitsWith: .success) {
            func open() -> Int { (0..<4_096).count { fcntl($0, F_GETFD) >= 0 } }
            func agrees(_ count: () -> Int?) -> Bool { (0..<20).contains { _ in count() == open() } }
            let before = open()
            #expect(agrees { HostStatistics.read().openDescriptors })
            #expect(agrees { HostStatistics.countDescriptors() })
            for _ in 0..<100 { _ = dup(0) }
            #expect(open() >= before + 99)
            #expect(agrees { HostStatistics.read().openDescriptors })
            #expect(agrees { HostStatistics.countDescriptors() })
        }
    }
}
