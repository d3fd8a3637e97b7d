// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Finds the names of captured code on a thread of its own, so that no report waits for it for longer than it wants to:
/// reading the symbols of a large binary for the first time takes some tenths of a second, and may wait for the loader.
final class NameFinder: Sendable {
    private enum Request: Sendable {
        /// Somebody waits.
        case soon([RawStack], within: Int64, @Sendable ([Stack]) -> Void)
        /// Somebody may before long.
        case prepared([RawStack], @Sendable (_ stacks: [Stack], _ areComplete: Bool) -> Void)
        /// Nobody does.
        case complete([RawStack], @Sendable ([Stack]) -> Void)
    }

    /// Stacks whose names are still to be completed.
    private struct Unfinished: Sendable {
        var raw: [RawStack]
        var passOn: @Sendable ([Stack]) -> Void
        /// How many of them are complete.
        var done = 0
    }

    private let queue: QueueThread<Request>
    private let captures: CaptureCounts

    /// How long after its start the finder reads the symbols of the host's binaries, in nanoseconds: not while the host
    /// starts.
    private static let preparationNanoseconds: Int64 = 1_000_000_000
    /// For how long names are looked for before somebody who waits is looked after again, in nanoseconds.
    private static let pieceNanoseconds: Int64 = 2_000_000

    /// Starts the thread.
    ///
    /// - Parameter captures: takes what the search costs.
    /// - Throws: ``SystemError`` when the process has no descriptor or thread left.
    init(captures: CaptureCounts) throws {
        self.captures = captures
        queue = try QueueThread(name: "lw-names", limit: Limits.reportsQueued, turns: .long)
        try queue.start { self.run() }
    }

    /// The thread.
    var threadIdentifier: ThreadIdentifier? { queue.threadIdentifier }

    /// Finds the names of stacks, as far as they are found within 2 ms once it is their turn, and passes them on, on the
    /// finder's thread; never waits.
    func find(_ raw: [RawStack], _ found: @escaping @Sendable ([Stack]) -> Void) {
        ask(.soon(raw, within: Self.pieceNanoseconds, found), raw, found)
    }

    /// Finds the names of stacks that may be asked for before long: passes on at once what needs no reading of debug
    /// information, and then, unless that was all, once more with what reading it tells; never waits.
    func prepare(_ raw: [RawStack], _ found: @escaping @Sendable (_ stacks: [Stack], _ areComplete: Bool) -> Void) {
        ask(.prepared(raw, found), raw) { found($0, false) }
    }

    /// Finds all names of stacks, and passes them on, on the finder's thread; never waits.
    func complete(_ raw: [RawStack], _ done: @escaping @Sendable ([Stack]) -> Void) {
        ask(.complete(raw, done), raw, done)
    }

    /// Somebody's report waits for an answer: where the finder has ended, or is hopelessly late, it is one without names.
    private func ask(_ request: Request, _ raw: [RawStack], _ answer: @Sendable ([Stack]) -> Void) {
        if !queue.isStopped, queue.enqueue(request, isLoss: false) { return }
        let stacks = raw.map { raw in
            let frames = raw.frames.map { frame in
                StackFrame(function: "0x" + String(frame.address, radix: 16), module: "", origin: .unknown)
            }
            return Stack(frames: frames, isTruncated: raw.isTruncated)
        }
        answer(stacks)
    }

    /// Ends the thread, after at most two seconds.
    func stop() {
        queue.stop()
    }

    private func run() {
        let symbolizer = Symbolizer()
        var unfinished: [Unfinished] = []
        var isPrepared = false
        let preparation = Clock.now().advanced(byNanoseconds: Self.preparationNanoseconds)
        while let requests = queue.next(until: unfinished.isEmpty ? (isPrepared ? nil : preparation) : Clock.now()) {
            for request in requests {
                switch request {
                case .soon(let raw, let nanoseconds, let found):
                    let piece = nanoseconds / Int64(max(1, raw.count))
                    found(raw.map { symbolizer.stack(for: $0, within: piece) })
                case .prepared(let raw, let found):
                    let stacks = raw.map { symbolizer.stack(for: $0, within: 0) }
                    let areComplete = raw.allSatisfy(symbolizer.isComplete)
                    found(stacks, areComplete)
                    if !areComplete { unfinished.append(Unfinished(raw: raw) { found($0, true) }) }
                case .complete(let raw, let done):
                    unfinished.append(Unfinished(raw: raw, passOn: done))
                }
            }
            if requests.isEmpty {
                if !isPrepared {
                    isPrepared = true
                    symbolizer.warmUp { !queue.isStopped }
                } else if !unfinished.isEmpty, advance(&unfinished[0], symbolizer) {
                    finish(unfinished.removeFirst(), symbolizer)
                }
            }
            captures.noteSymbols(symbolizer.statistics)
        }
        // At the end what is known has to do.
        for stacks in unfinished where !queue.isAbandoned {
            stacks.passOn(stacks.raw.map { symbolizer.stack(for: $0, within: 0) })
        }
    }

    /// Finds some more names; returns whether there are no more to be found.
    private func advance(_ unfinished: inout Unfinished, _ symbolizer: Symbolizer) -> Bool {
        while unfinished.done < unfinished.raw.count {
            guard symbolizer.advance(unfinished.raw[unfinished.done], within: Self.pieceNanoseconds) else {
                return false
            }
            unfinished.done += 1
        }
        return true
    }

    private func finish(_ unfinished: Unfinished, _ symbolizer: Symbolizer) {
        unfinished.passOn(unfinished.raw.map { symbolizer.stack(for: $0, within: Self.pieceNanoseconds) })
    }
}
