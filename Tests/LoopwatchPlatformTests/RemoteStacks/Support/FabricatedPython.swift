// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@testable import LoopwatchPlatform

/// A CPython made by a test, of any layout that is known.
final class FabricatedPython {
    let memory = FabricatedMemory()
    let layout: PythonLayout
    let runtime: UInt64
    let codeType: UInt64 = 0x900_0010
    let stringType: UInt64 = 0x900_0020
    let bytesType: UInt64 = 0x900_0030
    private let interpreter: UInt64
    private var lastState: UInt64 = 0

    init(_ layout: PythonLayout) {
        self.layout = layout
        runtime = memory.object(1_024)
        interpreter = memory.object(max(layout.interpreterThreads, 7_800) + 64)
        memory.put(interpreter, at: runtime + UInt64(layout.runtimeInterpreters))
    }

    var reader: PythonFrameReader<FabricatedMemory> {
        PythonFrameReader(memory: memory, layout: layout, runtime: runtime)
    }

    var names: PythonNames<FabricatedMemory> {
        PythonNames(
            memory: memory,
            layout: layout,
            codeType: codeType,
            stringType: stringType,
            bytesType: bytesType
        )
    }

    /// A thread; its number is what the kernel calls it.
    func thread(_ identifier: Int32) -> UInt64 {
        let state = memory.object(512)
        memory.put(UInt64(identifier), at: state + UInt64(layout.threadNativeIdentifier))
        if lastState == 0 {
            memory.put(state, at: interpreter + UInt64(layout.interpreterThreads))
        } else {
            memory.put(state, at: lastState + UInt64(layout.threadNext))
        }
        lastState = state
        return state
    }

    /// Makes a frame a thread's innermost.
    func setInnermost(_ frame: UInt64, of state: UInt64) {
        switch layout.currentFrame {
        case .inThread(let offset): memory.put(frame, at: state + UInt64(offset))
        case .inRecord(let pointer, let offset):
            let record = memory.object(64)
            memory.put(record, at: state + UInt64(pointer))
            memory.put(frame, at: record + UInt64(offset))
        }
    }

    /// Makes a thread the one that took the global lock last.
    ///
    /// - Parameters:
    ///   - state: the thread's state.
    ///   - isLocked: 1 if it has it still.
    func setGlobalLockHolder(_ state: UInt64, isLocked: Int32) {
        let lock: UInt64
        switch layout.globalLock.place {
        case .inRuntime(let offset): lock = runtime + UInt64(offset)
        case .inInterpreter(let pointer):
            lock = memory.object(64)
            memory.put(lock, at: interpreter + UInt64(pointer))
        }
        memory.put(state, at: lock + UInt64(layout.globalLock.holder))
        memory.put(isLocked, at: lock + UInt64(layout.globalLock.isLocked))
    }

    /// A string of ASCII.
    func string(_ text: String) -> UInt64 {
        string(text.utf8.map { UInt32($0) }, kind: 1, isASCII: true)
    }

    /// A string of characters of some size.
    func string(_ characters: [UInt32], kind: Int, isASCII: Bool) -> UInt64 {
        let start = isASCII ? layout.asciiBytes : layout.compactBytes
        let object = memory.object(start + characters.count * kind + 8)
        memory.put(stringType, at: object + 8)
        memory.put(UInt64(characters.count), at: object + UInt64(layout.stringLength))
        let state = UInt32(kind) << 2 | 1 << 5 | (isASCII ? 1 << 6 : 0)
        memory.put(state, at: object + UInt64(layout.stringState))
        for (index, character) in characters.enumerated() {
            let bytes = (0..<kind).map { UInt8(truncatingIfNeeded: character >> (8 * UInt32($0))) }
            memory.put(bytes, at: object + UInt64(start + index * kind))
        }
        return object
    }

    /// A code object.
    func code(_ name: String, file: String, firstLine: Int32, lines: [UInt8]) -> UInt64 {
        let table = memory.object(layout.bytesStart + lines.count + 1)
        memory.put(bytesType, at: table + 8)
        memory.put(UInt64(lines.count), at: table + UInt64(layout.bytesLength))
        memory.put(lines, at: table + UInt64(layout.bytesStart))
        let code = memory.object(layout.codeInstructions + 256)
        memory.put(codeType, at: code + 8)
        memory.put(string(name), at: code + UInt64(layout.codeQualifiedName))
        memory.put(string(file), at: code + UInt64(layout.codeFile))
        memory.put(table, at: code + UInt64(layout.codeLines))
        memory.put(firstLine, at: code + UInt64(layout.codeFirstLine))
        return code
    }

    /// A frame.
    ///
    /// - Parameters:
    ///   - code: its code object.
    ///   - instruction: its instruction, in units of two bytes.
    ///   - previous: the frame that called it; 0 for none.
    ///   - isEntry: whether the evaluation loop was called for it.
    func frame(_ code: UInt64, instruction: Int = 0, previous: UInt64, isEntry: Bool = false) -> UInt64 {
        var previous = previous
        if isEntry, case .owner(let owner) = layout.entry {
            let shim = memory.object(layout.frameBytes + 16)
            memory.put(owner, at: shim + UInt64(layout.frameOwner))
            memory.put(previous, at: shim + UInt64(layout.framePrevious))
            previous = shim
        }
        let frame = memory.object(layout.frameBytes + 16)
        memory.put(code, at: frame + UInt64(layout.frameCode))
        memory.put(previous, at: frame + UInt64(layout.framePrevious))
        let place = code + UInt64(layout.codeInstructions) + UInt64(2 * instruction)
        memory.put(place, at: frame + UInt64(layout.frameInstruction))
        if isEntry, case .flag(let offset) = layout.entry { memory.put(UInt8(1), at: frame + UInt64(offset)) }
        return frame
    }
}

extension PythonLayout {
    /// All layouts, 3.13 with the values that its first release describes itself with.
    static var all: [PythonLayout] {
        guard case .known(let newest) = python313(description(), runtime: 0x1000) else { return [] }
        return [.python311, .python312, newest]
    }

    /// What `_PyRuntime` of 3.13 begins with, at 0x1000; values of some words can be changed.
    static func description(changing changes: [Int: UInt64] = [:]) -> FabricatedMemory {
        let memory = FabricatedMemory()
        var words = [UInt64](repeating: 8, count: Word.count)
        let values: [Int: UInt64] = [
            Word.cookie: cookie, Word.version: 0x030d_00f0, Word.freeThreaded: 0, Word.runtimeInterpreters: 632,
            Word.interpreterNext: 0, Word.interpreterThreads: 7_344,
            Word.interpreterLockPointer: 16, Word.interpreterLock: 7_752, Word.lockIsLocked: 7_768,
            Word.lockHolder: 7_760,
            Word.threadNext: 8, Word.threadFrame: 72,
            Word.threadNativeIdentifier: 160, Word.framePrevious: 8, Word.frameExecutable: 0,
            Word.frameInstruction: 56, Word.frameOwner: 70, Word.codeFile: 112, Word.codeQualifiedName: 128,
            Word.codeLines: 136, Word.codeFirstLine: 68, Word.codeInstructions: 200, Word.bytesLength: 16,
            Word.bytesStart: 32, Word.stringState: 32, Word.stringLength: 16, Word.asciiBytes: 40,
        ]
        for (index, value) in values.merging(changes, uniquingKeysWith: { $1 }) { words[index] = value }
        for (index, word) in words.enumerated() { memory.put(word, at: 0x1000 + UInt64(8 * index)) }
        return memory
    }
}
