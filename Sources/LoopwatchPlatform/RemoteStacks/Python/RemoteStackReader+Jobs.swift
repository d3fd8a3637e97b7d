// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension RemoteStackReader {
    /// Whether it can be told at which job of its event loop a thread is (``job(of:)``).
    package var tellsJobs: Bool { runtimes.python?.frames != nil }

    /// What job of its event loop a thread is at: a number that is another for another job.
    ///
    /// Of Python it is the address of the outermost coroutine, which is that of the task. Nothing is stopped; a reading that
    /// is torn is no reading.
    ///
    /// - Returns: `nil` for a thread that is in no coroutine, and where that is not known.
    package func job(of thread: Int32) -> UInt64? {
        guard let python = runtimes.python?.frames,
            let files = try? RemoteThreadFiles(process: process, thread: thread),
            let state = python.state(ofThread: files.innerIdentifier), let walk = python.walk(state), !walk.isTruncated
        else { return nil }
        return walk.records.last { $0.owner == python.layout.ownerGenerator }?.address
    }
}

extension PythonLayout {
    /// The owner of the frames of coroutines and generators (`FRAME_OWNED_BY_GENERATOR`, the same from 3.11 to 3.13).
    var ownerGenerator: UInt8 { 1 }
}
