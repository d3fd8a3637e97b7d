// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("A profile of callgrind")
struct CallgrindProfileTests {
    @Test("gives each function its own instructions, and not those of what it calls")
    func ownInstructions() {
        let profile = CallgrindProfile(
            """
            events: Ir
            fl=(1) ???
            fn=(1) first
            0 10
            +3 5
            cob=(2) other
            cfn=(2) second
            calls=3 0
            * 1000
            -2 1
            fn=(3) third
            4 7

            fn=(2)
            0 400
            fn=(1)
            9 100
            """
        )
        #expect(profile.instructions == ["first": 116, "second": 400, "third": 7])
    }
}
