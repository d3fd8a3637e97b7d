// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The frames of a Python thread, as addresses: before anything is looked up.
struct PythonFrames: Equatable {
    /// One frame.
    struct Frame: Equatable {
        /// Its address.
        var address: UInt64
        /// Address of its code object.
        var code: UInt64
        /// Address of its instruction.
        var instruction: UInt64
    }

    /// The frames that one call of the evaluation loop runs, innermost first.
    var calls: [[Frame]] = []
    /// Whether outer frames are missing.
    var isTruncated = false

    /// All frames, innermost first.
    var frames: [Frame] { calls.flatMap { $0 } }
}

/// Reads the frames of Python threads.
struct PythonFrameReader<Memory: ReadableMemory> {
    let memory: Memory
    let layout: PythonLayout
    /// Address of `_PyRuntime`.
    let runtime: UInt64

    /// Address of the state of a thread; `nil` if Python does not know the thread.
    ///
    /// - Parameter thread: the thread's number as its process knows it.
    func state(ofThread thread: ThreadIdentifier) -> UInt64? {
        var interpreter = memory.word(at: runtime &+ UInt64(layout.runtimeInterpreters)) ?? 0
        for _ in 0..<RemoteStackLimits.interpreters where interpreter != 0 {
            var state = memory.word(at: interpreter &+ UInt64(layout.interpreterThreads)) ?? 0
            for _ in 0..<RemoteStackLimits.interpreterThreads where state != 0 {
                guard let record = RecordBytes(memory, at: state, count: layout.threadBytes) else { break }
                if record.word(at: layout.threadNativeIdentifier) == UInt64(UInt32(bitPattern: thread)) { return state }
                state = record.word(at: layout.threadNext)
            }
            interpreter = memory.word(at: interpreter &+ UInt64(layout.interpreterNext)) ?? 0
        }
        return nil
    }

    /// The frames of a thread, read once; `nil` if they make no sense.
    ///
    /// - Parameter state: address of the thread's state.
    func frames(ofState state: UInt64) -> PythonFrames? {
        guard var address = innermostFrame(ofState: state) else { return nil }
        var frames = PythonFrames()
        var call: [PythonFrames.Frame] = []
        var count = 0
        while address != 0 {
            guard count < RemoteStackLimits.pythonFrames else {
                frames.isTruncated = true
                break
            }
            count += 1
            guard address % 8 == 0, let record = RecordBytes(memory, at: address, count: layout.frameBytes) else {
                return nil
            }
            let owner = record.field(UInt8.self, at: layout.frameOwner)
            if layout.entry == .owner(owner) {
                frames.calls.append(call)
                call = []
            } else {
                // The owners that there are: thread, generator, frame object.
                guard owner <= 2 else { return nil }
                call.append(
                    PythonFrames.Frame(
                        address: address,
                        // The lowest bits may be a tag.
                        code: record.word(at: layout.frameCode) & ~3,
                        instruction: record.word(at: layout.frameInstruction)
                    )
                )
                if case .flag(let offset) = layout.entry, record.field(UInt8.self, at: offset) != 0 {
                    frames.calls.append(call)
                    call = []
                }
            }
            address = record.word(at: layout.framePrevious)
        }
        if !call.isEmpty { frames.calls.append(call) }
        return frames
    }

    private func innermostFrame(ofState state: UInt64) -> UInt64? {
        switch layout.currentFrame {
        case .inThread(let offset): return memory.word(at: state &+ UInt64(offset))
        case .inRecord(let pointer, let frame):
            guard let record = memory.word(at: state &+ UInt64(pointer)), record != 0 else { return nil }
            return memory.word(at: record &+ UInt64(frame))
        }
    }

    /// The frames of a thread that may be running: read until two readings agree.
    ///
    /// - Parameter torn: how many readings were discarded.
    /// - Returns: what two readings in a row agree on: all frames, or else the outer ones, of which some inner ones are
    ///   missing because they change all the time. `nil` where nothing could be agreed on.
    func steadyFrames(ofState state: UInt64, torn: inout Int) -> (frames: PythonFrames, isWhole: Bool)? {
        var last = frames(ofState: state)
        var agreed: PythonFrames?
        for _ in 0..<RemoteStackLimits.pythonReadings {
            let next = frames(ofState: state)
            if let last, let next {
                if Self.places(last) == Self.places(next) { return (next, true) }
                if let common = Self.common(last, next),
                    common.frames.count > agreed?.frames.count ?? 0 || agreed == nil
                {
                    agreed = common
                }
            }
            torn += 1
            last = next
        }
        guard let agreed, !agreed.frames.isEmpty else { return nil }
        return (agreed, false)
    }

    private static func places(_ frames: PythonFrames) -> [[PythonFrames.Frame]] {
        // The instruction goes on all the time.
        frames.calls.map { $0.map { PythonFrames.Frame(address: $0.address, code: $0.code, instruction: 0) } }
    }

    /// The outer frames that two readings have in common; `nil` if one of them is cut.
    private static func common(_ left: PythonFrames, _ right: PythonFrames) -> PythonFrames? {
        guard !left.isTruncated, !right.isTruncated else { return nil }
        var result = PythonFrames()
        for (leftCall, rightCall) in zip(left.calls.reversed(), right.calls.reversed()) {
            var call: [PythonFrames.Frame] = []
            for (before, after) in zip(leftCall.reversed(), rightCall.reversed()) {
                guard before.address == after.address, before.code == after.code else { break }
                call.append(after)
            }
            result.calls.insert(call.reversed(), at: 0)
            if call.count != leftCall.count || call.count != rightCall.count { break }
        }
        return result
    }
}
