// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension RemoteStackReader {
    /// Frames at the outer end of a thread's stack that tell what it is there for.
    private static let outerFrames = 8
    /// Function and file of the workers of `concurrent.futures`, the same from 3.11 to 3.13; the queue is the second of its
    /// arguments, which come first in a frame's variables.
    private static let worker = (name: "_worker", file: "/concurrent/futures/thread.py", queue: UInt64(8))
    /// Where a frame's variables begin (`_PyInterpreterFrame.localsplus`), the same from 3.11 to 3.13.
    private static let frameVariables: UInt64 = 72
    /// What a thread runs that is at its beginning yet.
    private static let beginnings: Set<String> = ["Thread._bootstrap", "Thread._bootstrap_inner", "Thread.run"]

    /// Whether threads of Python can be told apart by what they are there for.
    package var tellsPythonWorkers: Bool {
        runtimes.python.map { PythonWorkQueue.Layout(version: $0.frames.layout.version) != nil } ?? false
    }

    /// What a thread of Python is there for; `nil` if that is not known yet.
    ///
    /// Nothing is stopped: the outer frames of a thread stay as long as it does.
    package mutating func pythonWorker(_ thread: Int32) -> PythonWorker? {
        guard let python = runtimes.python?.frames,
            let files = try? RemoteThreadFiles(process: process, thread: thread)
        else { return nil }
        // A thread that Python does not know.
        guard let state = python.state(ofThread: files.innerIdentifier) else { return files.exists ? .other : nil }
        guard let walk = python.walk(state), !walk.isTruncated else { return nil }
        var isBeginning = true
        for record in python.frames(of: walk).frames.suffix(Self.outerFrames).reversed() {
            guard let function = runtimes.python?.names.function(of: record) else { return nil }
            if function.name == Self.worker.name, function.file.hasSuffix(Self.worker.file) {
                let place = record.address &+ Self.frameVariables &+ Self.worker.queue
                guard let address = memory.word(at: place),
                    let queue = PythonWorkQueue(at: address & ~7, in: memory, version: python.layout.version)
                else { return nil }
                return .executor(queue)
            }
            isBeginning = isBeginning && Self.beginnings.contains(function.name)
        }
        return isBeginning ? nil : .other
    }
}
