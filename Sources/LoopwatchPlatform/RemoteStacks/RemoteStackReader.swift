// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Reads the stacks of threads of another process, with names, an interpreter's frames among the native ones.
///
/// A thread that sleeps is not touched: where it sleeps is in /proc, its memory is read with process_vm_readv(2), and that
/// it did not move meanwhile is proved by its run count and CPU time. A thread that runs Python is read without stopping it
/// either: two readings have to agree. Any other that runs is stopped, where that is allowed, for as long as copying its
/// registers and a piece of its stack takes (some 50 us), never in a system call.
///
/// What it needs is the right to trace the process (ptrace(2)): the same user, or CAP_SYS_PTRACE. Belongs to one thread:
/// the kernel lets only the thread that stopped another let it go on.
package struct RemoteStackReader: ~Copyable {
    /// What reading has cost.
    package struct Statistics: Sendable, Equatable {
        /// Stacks that were read.
        package var captures = 0
        /// Of those, the ones that were known, because the thread had not moved since.
        package var unmoved = 0
        /// Times that a thread was stopped.
        package var stops = 0
        /// For how long threads were stopped, in nanoseconds, all in all.
        package var stopNanosecondsTotal: UInt64 = 0
        /// For how long one was stopped at most, in nanoseconds.
        package var stopNanosecondsMaximum: UInt64 = 0
        /// For how long each was.
        package var stopTimes = Histogram(edges: .hold)
        /// Readings that were discarded because the thread went on meanwhile.
        package var tornReadsDiscarded = 0
        /// System calls that a stop had ended, and that were begun again.
        package var callsRestarted = 0
        /// System calls that a stop had ended, and that could not be begun again.
        package var callsInterrupted = 0
        /// Stacks that could not be read.
        package var omitted = 0
    }

    /// The process.
    package let process: Int32
    /// What reading has cost so far.
    package internal(set) var statistics = Statistics()
    let memory: ProcessMemory
    private let symbols: RemoteSymbolCache
    private var program: RemoteProgram
    var images: RemoteImages
    var runtimes: RemoteRuntimes<ProcessMemory>
    var names: NativeNames
    var unwinder = Unwinder(modules: ModuleTable(modules: []))
    var stackMemory: StackMemory
    private var files = GenerationCache<ThreadIdentifier, RemoteThreadFiles>(
        capacity: RemoteStackLimits.threadFilesKept
    )
    private var lastRefresh = Clock.now()
    private let copy = StackCopy()
    /// What threads that sleep were at when they were read last: a report finds them mostly where its preparation left them.
    private var stills = GenerationCache<ThreadIdentifier, Still>(capacity: RemoteStackLimits.threadFilesKept)

    /// The stack of a thread that slept.
    private struct Still {
        var call: ThreadCall
        var motion: [UInt8]
        var stack: Stack
    }

    /// Looks at a process: its binaries and its interpreters.
    ///
    /// Costs from 1 ms to some 100 ms, the more for a large binary.
    ///
    /// - Parameters:
    ///   - process: the process; not this one.
    ///   - symbols: symbols that are kept, to be shared by all readers of one thread.
    ///   - lineNanoseconds: for how long files and lines of one stack are looked for, in programs that are compiled; what
    ///     there is no time for is had when the stack is read again.
    package init(
        process: Int32,
        symbols: RemoteSymbolCache = RemoteSymbolCache(),
        lineNanoseconds: Int64 = RemoteStackLimits.lineNanoseconds
    ) throws(RemoteStackProblem) {
        let memory = ProcessMemory(process: process)
        (program, images) = try Self.look(at: process, memory)
        self.process = process
        self.symbols = symbols
        self.memory = memory
        runtimes = RemoteRuntimes(in: [], memory: memory, symbols: symbols)
        names = NativeNames(process: process, symbols: symbols, lineNanoseconds: lineNanoseconds)
        stackMemory = StackMemory(process: process)
        adopt()
    }

    /// The program and the binaries of a process, or why they are not to be had.
    private static func look(
        at process: Int32,
        _ memory: ProcessMemory
    ) throws(RemoteStackProblem) -> (RemoteProgram, RemoteImages) {
        guard process != ProcessIdentifier.own else { throw .ownProcess }
        guard process > 0, let program = RemoteProgram(process: process) else { throw .processGone }
        var images = RemoteImages(process: process)
        guard images.refresh(memory) != nil else {
            // A process that has ended, and a thread of the kernel, have a table that is empty.
            throw ProcFile(path: "/proc/\(process)/maps") == nil
                ? .notPermitted(RemoteAccess(process: process)) : .processGone
        }
        for _ in 0..<RemoteStackLimits.readings {
            if let first = images.images.first, memory.word(at: first.textStart) != nil { return (program, images) }
            // It may have begun another program in between.
            _ = images.refresh(memory)
        }
        throw .notPermitted(RemoteAccess(process: process))
    }

    /// What is not known of the process, in words, such as an interpreter of a version that is too new.
    package var remarks: [String] { runtimes.remarks }

    /// Whether files and lines of compiled code are not to be had any more: the executable's debug information is unsound.
    package var hasGivenUpLines: Bool { names.hasGivenUpLines }

    /// What the process is written in, as far as it is known: interpreters with their versions.
    package var interpreters: [String] {
        var texts: [String] = []
        if let python = runtimes.python { texts.append("Python \(python.frames.layout.version)") }
        if let script = runtimes.script { texts.append("V8 \(script.functions.version)") }
        return texts
    }

    /// Reads the table of mappings anew: a library was loaded, or another program.
    package mutating func refresh() {
        lastRefresh = Clock.now()
        if images.refresh(memory) == true { adopt() }
    }

    private mutating func adopt() {
        runtimes = RemoteRuntimes(in: images.images, memory: memory, symbols: symbols)
        stills.removeAll()
        unwinder.replaceModules(images.modules(scriptEngine: runtimes.scriptEngine))
        var interpreters = [runtimes.python?.image, runtimes.scriptEngine].compactMap { $0 }
        // The launcher of a Python that is a library.
        if runtimes.python != nil {
            interpreters += images.images.filter { $0.isExecutable && $0.name.hasPrefix("python") }
        }
        names.forget(images: images, interpreters: interpreters)
    }

    /// The stack of a thread, innermost first.
    ///
    /// A library that was unloaded, and another that was loaded in its place, are told apart when ``refresh()`` is called,
    /// and at least every ten seconds; another program that the process runs at once.
    ///
    /// - Parameters:
    ///   - thread: the thread.
    ///   - allowsStop: whether it may be stopped for some 50 us if it runs.
    package mutating func stack(of thread: Int32, allowsStop: Bool) -> Result<Stack, RemoteStackOmission> {
        guard let isAnother = program.hasChanged() else {
            statistics.omitted += 1
            return .failure(.threadGone)
        }
        if isAnother || Clock.now().nanoseconds(since: lastRefresh) > RemoteStackLimits.mapsAgeNanoseconds {
            refresh()
        }
        var result = Result<Stack, RemoteStackOmission>.failure(.moved)
        for _ in 0..<RemoteStackLimits.readings {
            result = attempt(thread, allowsStop: allowsStop)
            switch result {
            case .failure(.moved), .failure(.unsteady):
                statistics.tornReadsDiscarded += 1
                continue
            case .failure:
                statistics.omitted += 1
            case .success(let stack):
                if refreshes(for: stack) { continue }
                statistics.captures += 1
            }
            return result
        }
        if case .success = result { statistics.captures += 1 } else { statistics.omitted += 1 }
        return result
    }

    /// Whether the table of mappings was read anew because a frame lies in none, and has changed.
    private mutating func refreshes(for stack: Stack) -> Bool {
        let now = Clock.now()
        guard stack.frames.contains(where: { $0.origin == .unknown }),
            now.nanoseconds(since: lastRefresh) > RemoteStackLimits.mapsRefreshNanoseconds
        else { return false }
        lastRefresh = now
        guard images.refresh(memory) == true else { return false }
        adopt()
        return true
    }

    private mutating func attempt(_ thread: Int32, allowsStop: Bool) -> Result<Stack, RemoteStackOmission> {
        let files: RemoteThreadFiles
        if let known = self.files.value(for: thread), known.exists {
            files = known
        } else {
            do throws(RemoteThreadFiles.Failure) {
                files = try RemoteThreadFiles(process: process, thread: thread)
            } catch {
                return .failure(error == .gone ? .threadGone : .notReadable)
            }
            self.files.insert(files, for: thread)
        }
        // Before the line: what the line says is then within the time that is vouched for.
        guard let before = files.motion() else { return .failure(.threadGone) }
        let call = files.call()
        let registers: Registers
        switch call {
        case nil: return .failure(files.exists ? .notReadable : .threadGone)
        case .running: return running(files, allowsStop: allowsStop)
        case .inside(_, _, let stackPointer, let programCounter), .outside(let stackPointer, let programCounter):
            if let still = stills.value(for: thread), still.call == call, still.motion == before {
                statistics.unmoved += 1
                return .success(still.stack)
            }
            registers = Registers(programCounter: programCounter, stackPointer: stackPointer)
            stackMemory.begin(liveAt: stackPointer)
        }
        let raw = unwind(from: registers)
        let state = runtimes.python?.frames.state(ofThread: files.innerIdentifier)
        let frames = state.flatMap { runtimes.python?.frames.frames(ofState: $0) }
        func hasMoved() -> Bool { files.call() != call || files.motion() != before }
        // Names of compiled code come from files, which takes long the first time; those of interpreters from the process.
        let areNamesOfFiles = runtimes.python == nil && runtimes.script == nil
        if areNamesOfFiles, hasMoved() { return .failure(.moved) }
        let stack = assemble(raw, python: frames, isInnermostKnown: true)
        if !areNamesOfFiles, hasMoved() { return .failure(.moved) }
        // Files and lines for which there was no time are had when it is read again.
        if let call, names.isComplete { stills.insert(Still(call: call, motion: before, stack: stack), for: thread) }
        return .success(stack)
    }

    private mutating func running(_ files: RemoteThreadFiles, allowsStop: Bool) -> Result<Stack, RemoteStackOmission> {
        if let python = runtimes.python, let state = python.frames.state(ofThread: files.innerIdentifier) {
            var torn = 0
            let read = python.frames.steadyFrames(ofState: state, torn: &torn)
            statistics.tornReadsDiscarded += torn
            if let read, !read.frames.frames.isEmpty {
                let nothing = RawStack(frames: [], isTruncated: true)
                return .success(assemble(nothing, python: read.frames, isInnermostKnown: read.isWhole))
            }
        }
        guard allowsStop else { return .failure(.running) }
        var tally = StoppedThread.Tally()
        defer { count(tally) }
        do throws(StoppedThread.Failure) {
            let stopped = try StoppedThread(
                files.identifier,
                of: process,
                callDescriptor: files.callDescriptor,
                into: copy.bytes,
                counting: &tally
            )
            let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy.bytes)[..<stopped.stackBytes])
            stackMemory.begin(copy: bytes, at: stopped.stackAddress)
            return .success(assemble(unwind(from: stopped.registers), python: nil, isInnermostKnown: true))
        } catch {
            switch error {
            case .sleeping: return .failure(.unsteady)
            case .gone: return .failure(.threadGone)
            case .refused(let reason): return .failure(.refused(reason))
            }
        }
    }

    /// The stack of a thread that was copied by whoever traces it.
    package mutating func stack(of copied: CopiedThread) -> Stack {
        statistics.captures += 1
        return copied.stack.withUnsafeBytes { bytes in
            stackMemory.begin(copy: bytes, at: copied.stackAddress)
            return assemble(unwind(from: copied.registers), python: nil, isInnermostKnown: true)
        }
    }

    private mutating func count(_ tally: StoppedThread.Tally) {
        statistics.stops += tally.stops
        // A reading stops the thread once, or not at all.
        if tally.stops > 0 { statistics.stopTimes.observe(nanoseconds: Int64(clamping: tally.nanosecondsTotal)) }
        statistics.stopNanosecondsTotal &+= tally.nanosecondsTotal
        statistics.stopNanosecondsMaximum = max(statistics.stopNanosecondsMaximum, tally.nanosecondsMost)
        statistics.callsRestarted += tally.callsRestarted
        statistics.callsInterrupted += tally.callsInterrupted
    }

    private mutating func unwind(from registers: Registers) -> RawStack {
        // The engine's code needs no decoding; other compilers' code may be another by now, and its depths with it.
        if images.forgetVolatileCode(), runtimes.scriptEngine == nil { unwinder.forgetDepths() }
        return unwinder.unwind(from: registers, memory: &stackMemory, framesMost: RemoteStackLimits.frames)
    }
}
