// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Glibc

/// Waits by `poll` for a descriptor on which nothing comes.
final class PollProgram: BlockingProgram {
    static let way = "poll"
    static let functions = [
        "PollProgram.pollScanner(_:)", "PollProgram.awaitScanner(_:)", "PollProgram.handleUpload(_:)",
    ]
    static let causes = ["syscall:poll", "syscall:ppoll"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64
    private let pipe: DescriptorPair

    init(nanoseconds: Int64) throws {
        self.nanoseconds = nanoseconds
        pipe = try DescriptorPair.pipe()
    }

    func handle() -> Outcome { Outcome.of { handleUpload(&$0) } }
    func block() -> Outcome { Outcome.of { pollScanner(&$0) } }

    @inline(never)
    func handleUpload(_ outcome: inout Outcome) {
        awaitScanner(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func awaitScanner(_ outcome: inout Outcome) {
        pollScanner(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func pollScanner(_ outcome: inout Outcome) {
        outcome.begin()
        var entry = pollfd(fd: pipe.reading, events: Int16(POLLIN), revents: 0)
        let result = poll(&entry, 1, CInt(nanoseconds / 1_000_000))
        outcome.ended(Int(result))
    }
}

/// Runs an event loop of its own, written in C, within the one that it blocks: the same system call as that one's wait
/// for work.
final class NestedLoopProgram: BlockingProgram {
    static let way = "epoll_wait of its own, in C"
    static let functions = [
        "corpus_wait_upstream", "corpus_drive_upstream", "NestedLoopProgram.awaitUpstream(_:)",
        "NestedLoopProgram.handleProxy(_:)",
    ]
    static let causes = ["syscall:epoll_wait", "syscall:epoll_pwait"]
    static let end = BlockEnd.byItself
    private let nanoseconds: Int64
    private let pipe: DescriptorPair

    init(nanoseconds: Int64) throws {
        self.nanoseconds = nanoseconds
        pipe = try DescriptorPair.pipe()
    }

    func handle() -> Outcome { Outcome.of { handleProxy(&$0) } }
    func block() -> Outcome { Outcome.of { awaitUpstream(&$0) } }

    @inline(never)
    func handleProxy(_ outcome: inout Outcome) {
        awaitUpstream(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func awaitUpstream(_ outcome: inout Outcome) {
        outcome.begin()
        let result = corpus_drive_upstream(pipe.reading, CInt(nanoseconds / 1_000_000))
        outcome.ended(Int(result))
        // The two functions in C.
        outcome.passedOn()
        outcome.passedOn()
    }
}
