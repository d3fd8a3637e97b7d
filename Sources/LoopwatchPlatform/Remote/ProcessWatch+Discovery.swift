// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore

/// Finding the loops of a process.
extension ProcessWatch {
    /// Threads whose files are kept open: beyond that they are opened for each look.
    private static let filesKept = 128

    /// Looks at all threads, and finds new loops and pools among them.
    mutating func sweep(now: MonotonicInstant, into said: inout [Said]) {
        noticeExec(now: now, into: &said)
        noticeClosedDescriptors(now: now, into: &said)
        guard tellsCalls else {
            watchUnseen(now: now, into: &said)
            nextSweep = now.advanced(byNanoseconds: Self.sweepNanoseconds)
            return
        }
        refreshThreads()
        for identifier in threads.keys.sorted() { sample(identifier) }
        sweeps += 1
        forgetRefuted(now: now, into: &said)
        if sweeps >= Self.firstSweeps {
            addLoops(now: now, into: &said)
            addPools(now: now, into: &said)
        }
        let pause =
            sweeps < Self.firstSweeps
            ? Self.firstSweepNanoseconds : isSearching ? Self.searchNanoseconds : Self.sweepNanoseconds
        nextSweep = now.advanced(byNanoseconds: pause)
    }

    /// Whether no loop was found, or one of which its waits tell only little by little that it is one.
    private var isSearching: Bool {
        loops.allSatisfy { !SystemCall.epoll.contains($0.detector.wait.number) }
    }

    /// Another program runs in the process now: nothing of the old one is left.
    private mutating func noticeExec(now: MonotonicInstant, into said: inout [Said]) {
        let current = process.program
        guard current != program else { return }
        program = current
        recognition = Self.recognition(of: process, program: current)
        forgetAll(now: now, into: &said)
        sweeps = 0
    }

    /// A loop whose epoll descriptor is closed waits on another from now on.
    private mutating func noticeClosedDescriptors(now: MonotonicInstant, into said: inout [Said]) {
        for index in loops.indices.reversed() where !loops[index].isWaitingLately {
            let wait = loops[index].detector.wait
            guard SystemCall.epoll.contains(wait.number), !isEpoll(descriptor: wait.descriptor) else { continue }
            forgetLoop(at: index, now: now, into: &said)
            sweeps = 0
        }
    }

    /// A thread that sleeps elsewhere most of the time is not blocked in that: it is no loop.
    private mutating func forgetRefuted(now: MonotonicInstant, into said: inout [Said]) {
        for index in loops.indices.reversed() {
            let loop = loops[index]
            guard ranking.isRefuted(loop.view.identifier, wait: loop.detector.wait) else { continue }
            forgetLoop(at: index, isRefuted: true, now: now, into: &said)
        }
    }

    private func isEpoll(descriptor: UInt64) -> Bool {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/\(process.identifier)/fd/\(descriptor)", &buffer, buffer.count)
        // One that may not be read is not known to be closed.
        guard count > 0 else { return errno != ENOENT }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            == "anon_inode:[eventpoll]"
    }

    /// Takes in which threads there are.
    mutating func refreshThreads() {
        let current = Set(process.threads(atMost: Limits.remoteThreads))
        for gone in threads.keys where !current.contains(gone) {
            threads[gone] = nil
            workers[gone] = nil
            workersUntold[gone] = nil
            ranking.remove(gone)
        }
        for new in current where threads[new] == nil {
            mayHaveUntold = true
            let isMain = new == process.identifier
            let view = RemoteThread(process: process.identifier, thread: new, isSampled: !isMain)
            threads[new] = SampledThread(
                comm: view.comm,
                isMain: isMain,
                view: threads.count < Self.filesKept ? view : nil
            )
        }
    }

    private mutating func sample(_ identifier: Int32) {
        guard var thread = threads[identifier] else { return }
        let view = thread.view ?? RemoteThread(process: process.identifier, thread: identifier, isSampled: true)
        // A thread is named by its program soon after its start.
        if thread.samples < 2 * Self.firstSweeps {
            thread.comm = view.comm
            mayHaveUntold = true
        }
        thread.samples += 1
        let runs = thread.isMain ? view.schedule()?.runs : nil
        let call = view.call()
        let wait = call?.wait
        if let wait { thread.programCounter = wait.programCounter }
        threads[identifier] = thread
        ranking.add(
            LoopRanking.Sample(
                thread: identifier,
                comm: thread.comm,
                wait: wait?.call,
                isEpoll: wait?.isEpoll ?? false,
                isMain: thread.isMain,
                isAsleep: call.map { $0.call != .running } ?? false,
                runs: runs
            )
        )
    }

    private mutating func addLoops(now: MonotonicInstant, into said: inout [Said]) {
        for found in ranking.loops where loops.count < Limits.remoteLoops {
            guard !loops.contains(where: { $0.view.identifier == found.thread }), let thread = threads[found.thread]
            else { continue }
            let view = RemoteThread(process: process.identifier, thread: found.thread)
            let (rung, edges) = chosen(found, programCounter: thread.programCounter, now: now, into: &said)
            let name = SystemCall.name(of: found.wait.number)
            let what =
                SystemCall.epoll.contains(found.wait.number) ? "\(name) on descriptor \(found.wait.descriptor)" : name
            add(
                view,
                name: loopName(found),
                description: "event loop on thread \(found.thread) (\(found.comm)), \(what)",
                wait: found.wait,
                programCounter: thread.programCounter,
                rung: rung,
                edges: edges,
                now: now,
                into: &said
            )
        }
    }

    private mutating func add(
        _ view: RemoteThread,
        name: String,
        description: String,
        wait: WaitCall,
        programCounter: UInt64,
        rung: EvidenceRung,
        edges: PerfEdges?,
        now: MonotonicInstant,
        into said: inout [Said]
    ) {
        let identity = identity(name, .loop, [view.identifier], description, rung)
        let loop = RemoteLoopWatch(
            process: process.identifier,
            identity: identity,
            options: options,
            view: view,
            wait: wait,
            programCounter: programCounter,
            edges: edges,
            stops: stops,
            throttling: throttling,
            now: now
        )
        loop.detector.stretch = stretch
        loops.append(loop)
        said.append(.found(identity))
    }

    /// Without the right to look into it, only the clocks of its main thread tell something of a process.
    private mutating func watchUnseen(now: MonotonicInstant, into said: inout [Said]) {
        say(.lookRefused(process: process), into: &said)
        guard loops.isEmpty else { return }
        add(
            RemoteThread(process: process.identifier, thread: process.identifier),
            name: "main",
            description: "main thread \(process.identifier) (\(process.comm)), of which only its clocks are seen",
            wait: WaitCall(number: -1, descriptor: 0),
            programCounter: 0,
            rung: .polling,
            edges: nil,
            now: now,
            into: &said
        )
    }

    /// A new target.
    mutating func identity(
        _ name: String,
        _ subject: StallReport.Subject,
        _ threads: [Int32],
        _ description: String,
        _ rung: EvidenceRung
    ) -> RemoteTargetIdentity {
        numbers += 1
        return RemoteTargetIdentity(
            number: numbers,
            name: name,
            subject: subject,
            threads: threads,
            description: description,
            rung: rung
        )
    }

    private func loopName(_ found: LoopRanking.Loop) -> String {
        let name = found.isMain ? "main" : found.comm
        let taken = Set((loops.map(\.identity) + pools.map(\.identity)).map(\.name))
        guard taken.contains(name) else { return name }
        return (2...).lazy.map { "\(name)#\($0)" }.first { !taken.contains($0) } ?? name
    }

    /// The means for a loop: the best that the kernel allows, unless another is asked for.
    private mutating func chosen(
        _ found: LoopRanking.Loop,
        programCounter: UInt64,
        now: MonotonicInstant,
        into said: inout [Said]
    ) -> (EvidenceRung, PerfEdges?) {
        let wanted = options.rung ?? .executionBreakpoints
        if wanted == .tracepoints, let means = Tracepoints.means(call: SystemCall.name(of: found.wait.number)),
            let edges = try? PerfEdges(thread: found.thread, means: means)
        {
            return (.tracepoints, edges)
        }
        if [.executionBreakpoints, .armedBreakpoints, .tracepoints].contains(wanted) {
            do throws(SystemError) {
                let edges = try PerfEdges(thread: found.thread, means: .breakpoints(programCounter: programCounter))
                return (wanted == .armedBreakpoints ? .armedBreakpoints : .executionBreakpoints, edges)
            } catch {
                let isTraceRefused = !WaitConfirmation.isAllowed
                say(.perfRefused(error, process: process, isTraceRefused: isTraceRefused), into: &said)
                return (isTraceRefused ? .polling : .confirmedPolling, nil)
            }
        }
        if wanted != .polling, WaitConfirmation.isAllowed { return (.confirmedPolling, nil) }
        if wanted != .polling { say(.traceRefused(process: process), into: &said) }
        return (.polling, nil)
    }
}
