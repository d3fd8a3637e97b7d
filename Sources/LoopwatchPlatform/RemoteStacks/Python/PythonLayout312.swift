// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension PythonLayout {
    /// CPython 3.12 (the same headers), on a 64-bit machine.
    static let python312 = PythonLayout(
        version: "3.12",
        runtimeInterpreters: 40,
        interpreterNext: 0,
        interpreterThreads: 72,
        threadNext: 8,
        threadNativeIdentifier: 144,
        currentFrame: .inRecord(pointer: 56, frame: 0),
        frameCode: 0,
        framePrevious: 8,
        frameInstruction: 56,
        frameOwner: 70,
        // FRAME_OWNED_BY_CSTACK.
        entry: .owner(3),
        globalLock: PythonGlobalLock(place: .inInterpreter(pointer: 384), holder: 8, isLocked: 16),
        codeFirstLine: 68,
        codeFile: 112,
        codeQualifiedName: 128,
        codeLines: 136,
        codeInstructions: 192,
        stringLength: 16,
        stringState: 32,
        asciiBytes: 40,
        compactBytes: 56,
        bytesLength: 16,
        bytesStart: 32
    )
}
