// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Accounting
import Glibc
import Testing

extension Accounting {
    @Suite("The cost of a job", .timeLimit(.minutes(5)))
    struct InstructionTests {
        /// Most instructions that accounting may add to a job.
        static let most = 200.0
        /// All that runs for a job: ours, and what ours calls of the runtime.
        static let functions = [
            "lw_job_enqueue", "lw_job_invoke", "swift_task_getJobTaskId", "swift::AsyncTask::getTaskId()",
            "note_in_buckets", "note_depth", "note_name", "note_long", "set_aside", "take_up", "forget_outer",
            "lw_job_slot_take", "lw_job_slot_reset", "lw_job_tick_of_clock",
        ]

        private static let hasValgrind = access("/usr/bin/valgrind", X_OK) == 0

        /// The host, built with `swift build -c release --product accounting-host`: only optimised code costs what it
        /// costs in production.
        private static let releaseHost = getenv("ACCOUNTING_RELEASE_HOST").map { String(cString: $0) }

        @Test(
            "is at most 200 instructions",
            .enabled(if: hasValgrind, "valgrind is not installed"),
            .enabled(if: releaseHost != nil, "ACCOUNTING_RELEASE_HOST does not name a release build of accounting-host")
        )
        func fewInstructions() async throws {
            var template = Array("/tmp/accounting-XXXXXX".utf8CString)
            let folder = String(cString: try #require(mkdtemp(&template)))
            let program = folder + "/host"
            let profile = folder + "/profile"
            defer {
                unlink(program)
                unlink(profile)
                rmdir(folder)
            }
            // valgrind refuses files whose debug information it does not know.
            let host = try #require(Self.releaseHost)
            let strip = try await ChildProcess.run(["strip", "-g", "-o", program, host], seconds: 60)
            try #require(strip.status == 0, "\(strip.output)")
            let child = try await ChildProcess.run(
                [
                    "/usr/bin/valgrind", "--tool=callgrind", "--callgrind-out-file=" + profile, program, "count",
                    "24000", "exact",
                ],
                seconds: 240
            )
            try #require(child.status == 0, "\(child.output)")
            let jobs = try child.numbers("jobs")[0]
            try #require(jobs >= 20_000, "\(child.output)")
            let found = try CallgrindProfile(contents(of: profile)).instructions
            for name in Self.functions.prefix(2) {
                #expect(found[name, default: 0] > 20 * jobs, "the profile must have seen \(name)")
            }
            var sum = 0
            for name in Self.functions {
                guard let count = found[name] else { continue }
                sum += count
                print("\(name): \(Double(count) / Double(jobs)) instructions a job")
            }
            print("all: \(Double(sum) / Double(jobs)) instructions a job, of \(jobs) jobs")
            #expect(Double(sum) / Double(jobs) <= Self.most)
        }

        private func contents(of path: String) throws -> String {
            let file = try #require(fopen(path, "r"))
            defer { fclose(file) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
