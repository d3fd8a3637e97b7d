// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where CPython keeps what a stack is made of, in bytes from the beginning of each object: one table for each minor
/// version, in a file of its own, because it is no interface and changes with every one.
struct PythonLayout: Equatable {
    /// How a thread's innermost frame is found.
    enum CurrentFrame: Equatable {
        /// In the thread's state.
        case inThread(Int)
        /// In the record of the C stack, to which the thread's state has a pointer.
        case inRecord(pointer: Int, frame: Int)
    }

    /// How it is told which frames one call of the evaluation loop has run.
    enum Entry: Equatable {
        /// The outermost of them has a flag.
        case flag(Int)
        /// A frame of its own comes after them, with this owner.
        case owner(UInt8)
    }

    /// The version, such as `3.12`.
    var version: String
    // _PyRuntimeState and PyInterpreterState.
    var runtimeInterpreters: Int
    var interpreterNext: Int
    var interpreterThreads: Int
    // PyThreadState.
    var threadNext: Int
    var threadNativeIdentifier: Int
    var currentFrame: CurrentFrame
    // _PyInterpreterFrame.
    var frameCode: Int
    var framePrevious: Int
    var frameInstruction: Int
    var frameOwner: Int
    var entry: Entry
    // struct _gil_runtime_state.
    var globalLock: PythonGlobalLock
    // PyCodeObject.
    var codeFirstLine: Int
    var codeFile: Int
    var codeQualifiedName: Int
    var codeLines: Int
    var codeInstructions: Int
    // PyUnicodeObject.
    var stringLength: Int
    var stringState: Int
    var asciiBytes: Int
    var compactBytes: Int
    // PyBytesObject.
    var bytesLength: Int
    var bytesStart: Int

    /// Bytes of a frame of which the fields lie in.
    var frameBytes: Int {
        var end = max(frameCode, framePrevious, frameInstruction) + 8
        end = max(end, frameOwner + 1)
        if case .flag(let offset) = entry { end = max(end, offset + 1) }
        return end
    }

    /// Bytes of a thread's state that are looked at.
    var threadBytes: Int { max(threadNext, threadNativeIdentifier) + 8 }
    /// Bytes of a code object that are looked at.
    var codeBytes: Int { max(codeFirstLine + 4, codeFile + 8, codeQualifiedName + 8, codeLines + 8) }
}

/// What a process says of its CPython.
enum PythonVersion: Equatable {
    /// Its layout is known.
    case known(PythonLayout)
    /// It is not; in words.
    case unknown(String)

    /// Tells by what `Py_Version` holds (`PY_VERSION_HEX`), and, from 3.13 on, by what the runtime says of itself.
    ///
    /// - Parameters:
    ///   - version: the value; `nil` where there is no such symbol, as before 3.11.
    ///   - memory: the process's memory.
    ///   - runtime: address of `_PyRuntime`.
    static func of(version: UInt64?, _ memory: some ReadableMemory, runtime: UInt64) -> PythonVersion {
        guard let version else { return .unknown("Python before 3.11: its frames are not known") }
        let major = version >> 24 & 0xff
        let minor = version >> 16 & 0xff
        switch (major, minor) {
        case (3, 11): return .known(.python311)
        case (3, 12): return .known(.python312)
        case (3, 13): return PythonLayout.python313(memory, runtime: runtime)
        default: return .unknown("Python \(major).\(minor): its frames are not known")
        }
    }
}
