// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The system calls of Linux, as far as they matter here: their names, and which of them a loop may wait in.
package enum SystemCall {
    private static let byNumber: [Substring] = names.split(whereSeparator: { $0 == " " || $0 == "\n" })

    private static let numbers: [Substring: Int] = Dictionary(
        byNumber.enumerated().filter { $0.element != "-" }.map { ($0.element, $0.offset) },
        uniquingKeysWith: { first, _ in first }
    )

    /// The name of a call; `number_N` for one that is newer than the table.
    package static func name(of number: Int) -> String {
        guard byNumber.indices.contains(number), byNumber[number] != "-" else { return "number_\(number)" }
        return String(byNumber[number])
    }

    /// The number of a call on this architecture; `nil` if it has none.
    package static func number(of name: String) -> Int? { numbers[Substring(name)] }

    /// The call in which locks and condition variables wait.
    package static let futex = number(of: "futex") ?? -1

    /// The epoll calls; their first argument, the epoll descriptor, says whose wait it is.
    package static let epoll = Set(["epoll_wait", "epoll_pwait", "epoll_pwait2"].compactMap(number))

    /// Calls that end when work arrives, so that a loop may wait for it in them.
    ///
    /// Sleeps are not among them.
    package static let endedByWork = epoll.union(
        ["poll", "ppoll", "select", "pselect6", "futex", "futex_wait", "io_uring_enter", "io_getevents", "read"]
            .compactMap(number)
    )
}
