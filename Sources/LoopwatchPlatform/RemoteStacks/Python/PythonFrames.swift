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

    /// The frames of a thread that stands still; `nil` if they make no sense.
    ///
    /// - Parameter state: address of the thread's state.
    func frames(ofState state: UInt64) -> PythonFrames? { walk(state).map { frames(of: $0) } }

    /// A frame's record as it was read, also of those that only mark the beginning of a call.
    struct Record {
        var address: UInt64
        var code: UInt64
        var previous: UInt64
        var instruction: UInt64
        var owner: UInt8
        /// Whether it is the outermost that a call of the loop runs; `nil` in versions that have no such flag.
        var isEntry: Bool
    }

    /// What was found on the way from a thread's innermost frame outwards.
    struct Walk {
        /// Where the thread has its innermost frame.
        var slot: UInt64
        /// The frames' records, innermost first.
        var records: [Record]
        /// Whether outer ones are missing.
        var isTruncated: Bool
    }

    /// Follows the frames of a thread outwards; `nil` if they make no sense.
    func walk(_ state: UInt64) -> Walk? {
        guard let slot = innermostSlot(ofState: state), var address = memory.word(at: slot) else { return nil }
        var walk = Walk(slot: slot, records: [], isTruncated: false)
        while address != 0 {
            guard walk.records.count < RemoteStackLimits.pythonFrames else {
                walk.isTruncated = true
                break
            }
            guard address % 8 == 0, let bytes = RecordBytes(memory, at: address, count: layout.frameBytes),
                let record = record(bytes, at: address)
            else { return nil }
            walk.records.append(record)
            address = record.previous
        }
        return walk
    }

    /// What a frame's bytes say; `nil` if they are none of a frame.
    func record(_ bytes: RecordBytes, at address: UInt64) -> Record? {
        let owner = bytes.field(UInt8.self, at: layout.frameOwner)
        // The owners that there are: thread, generator, frame object, and that of marks.
        guard owner <= 2 || layout.entry == .owner(owner) else { return nil }
        var isEntry = false
        if case .flag(let offset) = layout.entry { isEntry = bytes.field(UInt8.self, at: offset) != 0 }
        return Record(
            address: address,
            // The lowest bits may be a tag.
            code: bytes.word(at: layout.frameCode) & ~3,
            previous: bytes.word(at: layout.framePrevious),
            instruction: bytes.word(at: layout.frameInstruction),
            owner: owner,
            isEntry: isEntry
        )
    }

    /// The frames of which records were read, by the calls that run them.
    func frames(of walk: Walk) -> PythonFrames {
        var frames = PythonFrames(calls: [], isTruncated: walk.isTruncated)
        var call: [PythonFrames.Frame] = []
        for record in walk.records {
            if layout.entry == .owner(record.owner) {
                frames.calls.append(call)
                call = []
                continue
            }
            call.append(
                PythonFrames.Frame(address: record.address, code: record.code, instruction: record.instruction)
            )
            if record.isEntry {
                frames.calls.append(call)
                call = []
            }
        }
        if !call.isEmpty { frames.calls.append(call) }
        return frames
    }

    /// Address of the word that has the innermost frame.
    private func innermostSlot(ofState state: UInt64) -> UInt64? {
        switch layout.currentFrame {
        case .inThread(let offset): return state &+ UInt64(offset)
        case .inRecord(let pointer, let frame):
            guard let record = memory.word(at: state &+ UInt64(pointer)), record != 0 else { return nil }
            return record &+ UInt64(frame)
        }
    }
}
