// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchCapture

/// The stack frames of a loop, as they stood when it ran a beat: those of the functions that run its jobs.
///
/// They live for as long as the loop does, and what they hold (which job is next, how many are left) changes from one job
/// to the next and not within one. So they tell, from another thread and without touching the loop, whether it went on to
/// another job: many short jobs from one long one. A thread of a pool is such a loop, too.
package struct LoopFrames: Sendable, Equatable {
    /// One frame: where the calling function's frame is linked, and what stands there while a job runs.
    package struct Link: Sendable, Equatable {
        /// Address of the saved frame pointer; the return address lies in the word above.
        var address: UInt
        /// The saved frame pointer.
        var savedFramePointer: UInt64
        /// The return address.
        var returnAddress: UInt64
    }

    /// The links, innermost first; the first one is that of a job itself, or of the function in which Swift runs it.
    let links: [Link]

    /// Most bytes of stack that are read at a look.
    private static let bytesMost: UInt = 8 * 1024

    /// Creates the frames of a loop from those that a beat noted.
    ///
    /// - Parameters:
    ///   - links: what the beat noted, innermost first.
    ///   - beat: address of the beat's code; frames that return to near it are the beat's own.
    /// - Returns: `nil` if fewer than two frames of the loop were found.
    package init?(links: [Link], beat: UInt64) {
        var outer = links.drop { $0.returnAddress &- beat &+ Self.beatCodeBytes < 2 * Self.beatCodeBytes }
        let isInJob = outer.lastIndex { $0.returnAddress &- Self.jobRun < Self.jobRunBytes }
        if Self.jobRun != 0, let isInJob { outer = outer[(isInJob + 1)...] }
        // What is far out on the stack does without: a thread's first function may have a large frame.
        if let first = outer.first { outer = outer.prefix { $0.address - first.address < Self.bytesMost } }
        guard outer.count >= 2 else { return nil }
        self.links = Array(outer)
    }

    /// Where Swift runs a job, and how long that code is at most, in bytes.
    ///
    /// Its frame tells on which actor the job is, which may change within the job: a thread that one task keeps to itself
    /// has not gone on to another.
    private static let jobRun = UInt64(lw_swift_job_run())
    private static let jobRunBytes: UInt64 = 512

    /// How far from the beat's entry its own code may lie, in bytes: it is a few functions of one file.
    private static let beatCodeBytes: UInt64 = 8 * 1024

    /// What the loop's frames hold at one moment.
    package struct Content: Sendable, Equatable {
        /// The innermost link that stood as the beat saw it.
        package var depth: Int
        /// The words of the frames above it.
        package var words: [UInt64]

        /// Creates what was read.
        package init(depth: Int, words: [UInt64]) {
            self.depth = depth
            self.words = words
        }
    }

    /// Reads the frames; `nil` if the stack is not there any more, or none of the links stands.
    package func content() -> Content? {
        let bottom = links[0].address
        let count = Int((links[links.count - 1].address - bottom) / 8) + 2
        guard let words = Memory.words(at: bottom, count: count) else { return nil }
        func stands(_ link: Link) -> Bool {
            let index = Int((link.address - bottom) / 8)
            return words[index] == link.savedFramePointer && words[index + 1] == link.returnAddress
        }
        // From the outside inwards: a link stands only if all those outside it do.
        var depth = links.count
        while depth > 0, stands(links[depth - 1]) { depth -= 1 }
        guard depth < links.count else { return nil }
        let start = Int((links[depth].address - bottom) / 8) + 2
        return Content(depth: depth, words: Array(words[start...]))
    }
}

/// Takes a loop's frames from within a beat, and hands them to the watchdog.
///
/// The two take turns: the watchdog asks before it posts a beat, and reads after the beat was answered.
package final class LoopFramesNote: Sendable {
    // nonisolated(unsafe): written by the loop inside a beat and read by the watchdog after the beat was answered, an
    // order that the beat cell's release and acquire establish.
    nonisolated(unsafe) private let storage = UnsafeMutablePointer<lw_loop_frames>.allocate(capacity: 1)

    /// Creates an empty note.
    package init() { storage.initialize(to: lw_loop_frames()) }

    deinit { storage.deallocate() }

    /// Notes the frames above the caller; no allocation, no lock, no system call.
    @inline(__always)
    package func take() { lw_note_loop_frames(storage) }

    /// What was noted.
    package func links() -> [LoopFrames.Link] {
        var frames = storage.pointee
        let count = Int(frames.count)
        func array(_ tuple: inout some Any) -> [UInt] {
            withUnsafeBytes(of: &tuple) { Array($0.bindMemory(to: UInt.self).prefix(count)) }
        }
        let addresses = array(&frames.address)
        let saved = array(&frames.saved)
        let returns = array(&frames.return_address)
        return (0..<count).map {
            LoopFrames.Link(
                address: addresses[$0],
                savedFramePointer: UInt64(saved[$0]),
                returnAddress: UInt64(returns[$0])
            )
        }
    }
}
