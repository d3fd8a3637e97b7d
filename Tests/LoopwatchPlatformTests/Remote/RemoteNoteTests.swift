// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import LoopwatchPlatform

/// What the log is told of rights that are missing.
@Suite("Notes on means")
struct RemoteNoteTests {
    @Test("a refusal names what is lost, and one command that grants it")
    func refused() throws {
        let process = try RemoteProcess(getpid())
        let refused = RemoteNote.perfRefused(SystemError(operation: "perf_event_open", code: EACCES), process: process)
        #expect(refused.text.contains("process \(getpid())"))
        let full = RemoteNote.perfRefused(SystemError(operation: "mmap of perf events", code: EPERM), process: process)
        #expect(full.text.hasSuffix("sudo sysctl kernel.perf_event_mlock_kb=4096"))
        let taken = RemoteNote.perfRefused(SystemError(operation: "perf_event_open", code: ENOSPC), process: process)
        #expect(taken.text.hasPrefix("a debugger holds the breakpoints"))
        let both = RemoteNote.perfRefused(
            SystemError(operation: "perf_event_open", code: EPERM),
            process: process,
            isTraceRefused: true
        )
        #expect(both.text.hasPrefix("perf events and ptrace are refused"), "two rights, one line: \(both.text)")
        for note in [refused, both, .traceRefused(process: process), .lookRefused(process: process)] {
            #expect(note.text.split(separator: "; grant with: ").count == 2, "\(note.text)")
        }
        #expect(RemoteNote.traceRefused(process: process).text.hasSuffix(RightsGrant.command(isOwner: true)))
        // Told once, whatever the error was.
        #expect(refused == full && Set([refused, full]).count == 1)
    }

    @Test("a process that is there is told from one that is not, and from one that is not shown")
    func hidden() {
        #expect(!ProcessList.isHidden(getpid()) && !ProcessList.isHidden(.max) && !ProcessList.isHidden(-1))
        #expect(RemoteProblem.hidden(7).description.contains("process 7 is hidden from this user"))
        #expect(RemoteProblem.hidden(7).description.hasSuffix("; grant with: \(RightsGrant.command(isOwner: false))"))
    }

    @Test("a process is known by its number and its start, and says who it is")
    func process() throws {
        let own = try RemoteProcess(getpid())
        #expect(own.startTicks > 0 && !own.hasEnded)
        #expect(own.program?.isEmpty == false && !own.comm.isEmpty)
        #expect(own.threads(atMost: 1_000).contains(getpid()) && own.threads(atMost: 1).count == 1)
    }
}
