// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where CPython keeps its global interpreter lock (`struct _gil_runtime_state`, Include/internal/pycore_gil.h), without
/// which no thread runs Python.
struct PythonGlobalLock: Equatable {
    /// How the lock is found.
    enum Place: Equatable {
        /// In `_PyRuntime`.
        case inRuntime(Int)
        /// An interpreter has a pointer to it.
        case inInterpreter(pointer: Int)
    }

    /// How it is found.
    var place: Place
    /// Where it has the state of the thread that took it last, in bytes from its beginning.
    var holder: Int
    /// Where it says whether it is held.
    var isLocked: Int
}

extension PythonFrameReader {
    /// The number, as its process knows it, of the thread that holds the lock at this moment; `nil` if none does, or what is
    /// read makes no sense.
    ///
    /// Of several interpreters it is the main one that is asked.
    func globalLockHolder() -> ThreadIdentifier? {
        guard let interpreter = mainInterpreter(), let lock = lockAddress(ofInterpreter: interpreter),
            let before = holder(ofLock: lock),
            let thread = threadIdentifier(ofState: before, inInterpreter: interpreter),
            // What was read of the thread is of the time between.
            holder(ofLock: lock) == before
        else { return nil }
        return thread
    }

    /// The last of the list, which new ones are put before.
    private func mainInterpreter() -> UInt64? {
        var interpreter = memory.word(at: runtime &+ UInt64(layout.runtimeInterpreters)) ?? 0
        for _ in 0..<RemoteStackLimits.interpreters where interpreter != 0 {
            guard let next = memory.word(at: interpreter &+ UInt64(layout.interpreterNext)) else { return nil }
            if next == 0 { return interpreter }
            interpreter = next
        }
        return nil
    }

    private func lockAddress(ofInterpreter interpreter: UInt64) -> UInt64? {
        switch layout.globalLock.place {
        case .inRuntime(let offset): return runtime &+ UInt64(offset)
        case .inInterpreter(let pointer):
            return memory.word(at: interpreter &+ UInt64(pointer)).flatMap { $0 == 0 ? nil : $0 }
        }
    }

    /// The state of the thread that holds a lock; it stays there when the lock is given back.
    private func holder(ofLock lock: UInt64) -> UInt64? {
        let offsets = layout.globalLock
        guard let record = RecordBytes(memory, at: lock, count: max(offsets.holder + 8, offsets.isLocked + 4)),
            record.field(Int32.self, at: offsets.isLocked) == 1
        else { return nil }
        return record.word(at: offsets.holder)
    }

    /// The thread's number; `nil` if the state is none of the interpreter's: then it was no lock that was read.
    private func threadIdentifier(ofState wanted: UInt64, inInterpreter interpreter: UInt64) -> ThreadIdentifier? {
        var state = memory.word(at: interpreter &+ UInt64(layout.interpreterThreads)) ?? 0
        for _ in 0..<RemoteStackLimits.interpreterThreads where state != 0 {
            guard let record = RecordBytes(memory, at: state, count: layout.threadBytes) else { return nil }
            if state == wanted {
                return ThreadIdentifier(exactly: record.word(at: layout.threadNativeIdentifier))
            }
            state = record.word(at: layout.threadNext)
        }
        return nil
    }
}
