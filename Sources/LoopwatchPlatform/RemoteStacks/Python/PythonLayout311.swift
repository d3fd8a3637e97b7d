// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension PythonLayout {
    /// CPython 3.11 (Include/internal/pycore_frame.h, pycore_gil.h, pycore_interp.h, pycore_runtime.h, Include/cpython/{code,pystate,
    /// unicodeobject}.h), on a 64-bit machine.
    static let python311 = PythonLayout(
        version: "3.11",
        runtimeInterpreters: 40,
        interpreterNext: 0,
        interpreterThreads: 16,
        threadNext: 8,
        threadNativeIdentifier: 160,
        currentFrame: .inRecord(pointer: 56, frame: 8),
        frameCode: 32,
        framePrevious: 48,
        frameInstruction: 56,
        frameOwner: 69,
        entry: .flag(68),
        globalLock: PythonGlobalLock(place: .inRuntime(360), holder: 8, isLocked: 16),
        codeFirstLine: 72,
        codeFile: 112,
        codeQualifiedName: 128,
        codeLines: 136,
        codeInstructions: 184,
        stringLength: 16,
        stringState: 32,
        asciiBytes: 48,
        compactBytes: 72,
        bytesLength: 16,
        bytesStart: 32
    )
}
