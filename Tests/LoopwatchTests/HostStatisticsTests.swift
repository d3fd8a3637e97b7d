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
        // A process of its own, in which no other test opens any.
        await #expect(processExitsWith: .success) {
            func open() -> Int { (0..<4_096).count { fcntl($0, F_GETFD) >= 0 } }
            let before = open()
            #expect(HostStatistics.read().openDescriptors == before)
            for _ in 0..<100 { _ = dup(0) }
            #expect(HostStatistics.read().openDescriptors == before + 100)
            #expect(HostStatistics.countDescriptors() == before + 100)
        }
    }
}
