// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension PythonLayout {
    /// CPython 3.13: `_PyRuntime` begins with a description of itself (`_Py_DebugOffsets`, Include/internal/
    /// pycore_runtime.h), whose values hold for every build of the minor version; their order does only for 3.13.
    static func python313(_ memory: some ReadableMemory, runtime: UInt64) -> PythonVersion {
        guard let words = memory.words(at: runtime, count: Word.count) else {
            return .unknown("Python 3.13: its description of itself cannot be read")
        }
        guard words[Word.cookie] == cookie else {
            return .unknown("Python 3.13: it does not describe itself as expected")
        }
        guard words[Word.freeThreaded] == 0 else {
            return .unknown("Python 3.13 without a global lock: its frames are not known")
        }
        // Objects of this size are small: anything else is not the description that is meant.
        guard words[Word.version..<Word.count].dropFirst().allSatisfy({ $0 < 1 << 24 }) else {
            return .unknown("Python 3.13: it does not describe itself as expected")
        }
        func value(_ word: Int) -> Int { Int(words[word]) }
        // Each interpreter has room for a lock, and a pointer to the one that it uses.
        let lock = value(Word.interpreterLock)
        let frameFieldsEnd = max(value(Word.frameExecutable), value(Word.framePrevious), value(Word.frameInstruction))
        guard frameFieldsEnd < 1_024, value(Word.frameOwner) < 1_024, value(Word.threadNativeIdentifier) < 65_536,
            value(Word.codeInstructions) < 4_096,
            [Word.lockHolder, Word.lockIsLocked].allSatisfy({ (lock..<lock + 256).contains(value($0)) })
        else { return .unknown("Python 3.13: it does not describe itself as expected") }
        return .known(
            PythonLayout(
                version: "3.13",
                runtimeInterpreters: value(Word.runtimeInterpreters),
                interpreterNext: value(Word.interpreterNext),
                interpreterThreads: value(Word.interpreterThreads),
                threadNext: value(Word.threadNext),
                threadNativeIdentifier: value(Word.threadNativeIdentifier),
                currentFrame: .inThread(value(Word.threadFrame)),
                frameCode: value(Word.frameExecutable),
                framePrevious: value(Word.framePrevious),
                frameInstruction: value(Word.frameInstruction),
                frameOwner: value(Word.frameOwner),
                entry: .owner(3),
                globalLock: PythonGlobalLock(
                    place: .inInterpreter(pointer: value(Word.interpreterLockPointer)),
                    holder: value(Word.lockHolder) - lock,
                    isLocked: value(Word.lockIsLocked) - lock
                ),
                codeFirstLine: value(Word.codeFirstLine),
                codeFile: value(Word.codeFile),
                codeQualifiedName: value(Word.codeQualifiedName),
                codeLines: value(Word.codeLines),
                codeInstructions: value(Word.codeInstructions),
                stringLength: value(Word.stringLength),
                stringState: value(Word.stringState),
                asciiBytes: value(Word.asciiBytes),
                // PyCompactUnicodeObject adds utf8_length and utf8.
                compactBytes: value(Word.asciiBytes) + 16,
                bytesLength: value(Word.bytesLength),
                bytesStart: value(Word.bytesStart)
            )
        )
    }

    /// `xdebugpy`, as a word.
    static let cookie: UInt64 = 0x7970_6775_6265_6478

    /// Which word of the description is which.
    enum Word {
        static let cookie = 0
        static let version = 1
        static let freeThreaded = 2
        static let runtimeInterpreters = 5
        static let interpreterNext = 8
        static let interpreterThreads = 9
        static let interpreterLockPointer = 14
        static let interpreterLock = 15
        static let lockIsLocked = 17
        static let lockHolder = 18
        static let threadNext = 21
        static let threadFrame = 23
        static let threadNativeIdentifier = 25
        static let framePrevious = 29
        static let frameExecutable = 30
        static let frameInstruction = 31
        static let frameOwner = 33
        static let codeFile = 35
        static let codeQualifiedName = 37
        static let codeLines = 38
        static let codeFirstLine = 39
        static let codeInstructions = 43
        static let bytesLength = 65
        static let bytesStart = 66
        static let stringState = 68
        static let stringLength = 69
        static let asciiBytes = 70
        static let count = 71
    }
}
