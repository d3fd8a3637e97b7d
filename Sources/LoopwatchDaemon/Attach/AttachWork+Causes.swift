// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What a blocked thread of another process waits for, in words, where that is known.
extension AttachWork {
    /// Functions in which a thread of Python waits for the global lock.
    private static let globalLockFunctions: Set<String> = [
        "take_gil", "PyEval_RestoreThread", "PyEval_AcquireThread", "PyEval_AcquireLock", "PyGILState_Ensure",
    ]

    /// What the thread waits for.
    mutating func causeDetail(_ stack: Stack, of thread: Int32, since began: MonotonicInstant) -> String? {
        globalLockDetail(stack, of: thread) ?? childDetail(stack, of: thread, since: began)
    }

    /// Who holds Python's global lock, if that is what a thread waits for.
    private mutating func globalLockDetail(_ stack: Stack, of thread: Int32) -> String? {
        guard stack.frames.contains(where: { Self.globalLockFunctions.contains($0.function) }),
            let holder = reader?.globalLockHolder(), holder.thread != thread
        else { return nil }
        var text = "Python's global lock, held by thread \(holder.thread)"
        guard let frame = holder.stack.blamed else { return text }
        text += " at \(frame.function)"
        guard let file = frame.file?.split(separator: "/").last else { return text }
        return text + " \(file)" + (frame.line.map { ":\($0)" } ?? "")
    }

    /// The child process that a thread waits for: one that its call names, or, where its stack tells that it waits for one,
    /// that it has started during the block.
    private func childDetail(_ stack: Stack, of thread: Int32, since began: MonotonicInstant) -> String? {
        let call = RemoteThread(process: name.identifier, thread: thread, isSampled: true).call()
        if let child = call.flatMap({ ChildProcesses.named(by: $0) }) { return Self.text(of: child) }
        guard ChildWait.isIn(stack) else { return nil }
        let started = ChildProcesses.started(by: thread, of: name.identifier, since: began)
        guard let newest = started.last else { return nil }
        return Self.text(of: newest) + (started.count > 1 ? " and \(started.count - 1) more" : "")
    }

    private static func text(of child: ChildProcesses.Child) -> String {
        "child process \(child.identifier) (\(child.name))"
    }
}
