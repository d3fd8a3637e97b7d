// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Glibc
internal import Loopwatch

/// A host whose loop shares its processor with a process of real-time priority: it is ready, and does not run.
enum OutrankedHost: SpecialHost {
    static let name = "real-time competitor"
    private static let competeMilliseconds = 400

    static func run() throws -> Verdict {
        var verdict = Verdict(name: name, place: "NIO event loop", expected: SpinProgram.functions)
        guard sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1 else {
            throw NotPossible("one processor: the watchdog would not run either")
        }
        // The watchdog and the harness on every processor but the last, the loop and its competitor on that.
        let last = CInt(sysconf(CInt(_SC_NPROCESSORS_ONLN))) - 1
        guard corpus_leave_processor(last) == 0 else { throw NotPossible(failed: "sched_setaffinity") }
        let host = try SingleLoopHost()
        defer { host.stop() }
        guard corpus_bind_thread(host.thread, last) == 0 else { throw NotPossible(failed: "sched_setaffinity") }
        let helper = try Helper("read line; exec \(try ownPath()) compete \(last) \(competeMilliseconds)")
        let program = SpinProgram(nanoseconds: 300_000_000)
        let outcome = host.run(program) {
            helper.go()
            helper.wait()
        }
        guard helper.hasSucceeded else { throw NotPossible("no process may have real-time priority here") }
        guard let outcome else {
            verdict.problems.append("the program did not end")
            return verdict
        }
        verdict.milliseconds = Double(outcome.nanoseconds) / 1e6
        host.judge(SpinProgram.self, causes: [.runqueue], &verdict)
        return verdict
    }

    /// The competitor: computes at real-time priority on one processor, and ends.
    ///
    /// - Returns: the exit status; not 0 where the machine does not allow it.
    static func compete(_ arguments: [String]) -> CInt {
        guard arguments.count == 2, let processor = CInt(arguments[0]), let milliseconds = Int64(arguments[1]),
            corpus_outrank(processor) == 0
        else { return 1 }
        let end = Outcome.now(CLOCK_MONOTONIC) + milliseconds * 1_000_000
        while Outcome.now(CLOCK_MONOTONIC) < end {}
        return 0
    }

    private static func ownPath() throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
        }
        guard count > 0 else { throw NotPossible(failed: "/proc/self/exe") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
