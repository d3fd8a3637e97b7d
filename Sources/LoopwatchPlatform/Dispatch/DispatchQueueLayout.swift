// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where a Dispatch queue keeps two words that tell, without touching anything, whether a serial queue runs a job, on
/// which thread, and whether it has gone on to the next: the state word, whose lower half holds the number of the thread
/// that drains the queue, and the head of its list of waiting items.
///
/// The layout is libdispatch's own business, so it is never assumed: it is found by an experiment on a queue of ours, at
/// run time, and where the experiment does not come out as expected the words are not used.
package struct DispatchQueueLayout: Sendable, Equatable {
    /// Words of a queue that the experiment looks at; every queue of libdispatch is longer.
    package static let wordCount = 14
    /// The bits of the state word's lower half that hold the thread's number (`FUTEX_TID_MASK`).
    private static let ownerMask: UInt64 = 0x3fff_ffff

    /// Offset of the state word in bytes.
    package let stateOffset: UInt
    /// Offset of the pointer to the first waiting item, in bytes.
    package let headOffset: UInt

    /// A queue's words as they were while a job ran on it, and the thread that ran it.
    package struct Exposure: Sendable {
        /// The queue's words.
        package var words: [UInt64]
        /// The thread.
        package var thread: ThreadIdentifier

        /// Creates an exposure.
        package init(words: [UInt64], thread: ThreadIdentifier) {
            self.words = words
            self.thread = thread
        }
    }

    /// Evaluates the experiment: three jobs that were enqueued before the first of them ran.
    ///
    /// - Parameters:
    ///   - jobs: the queue's words during each of the three jobs.
    ///   - idle: the queue's words when all was over.
    /// - Returns: the layout; `nil` unless exactly one word can be the state and exactly one the head.
    package init?(jobs: [Exposure], idle: [UInt64]) {
        guard jobs.count == 3, idle.count == Self.wordCount, jobs.allSatisfy({ $0.words.count == Self.wordCount })
        else {
            return nil
        }
        let states = (0..<Self.wordCount).filter { index in
            idle[index] & Self.ownerMask == 0
                && jobs.allSatisfy { $0.words[index] & Self.ownerMask == UInt64($0.thread) & Self.ownerMask }
        }
        let heads = (0..<Self.wordCount).filter { index in
            let first = jobs[0].words[index]
            let second = jobs[1].words[index]
            return first != 0 && second != 0 && first != second && jobs[2].words[index] == 0 && idle[index] == 0
        }
        guard states.count == 1, heads.count == 1 else { return nil }
        stateOffset = UInt(states[0] * 8)
        headOffset = UInt(heads[0] * 8)
    }

    /// The thread that drains the queue; `nil` when none does.
    package func owner(ofQueueAt address: UInt) -> ThreadIdentifier? {
        let owner = Memory.word(at: address + stateOffset) & Self.ownerMask
        return owner == 0 ? nil : ThreadIdentifier(owner)
    }

    /// The first item that waits, as a number; 0 when none does.
    package func head(ofQueueAt address: UInt) -> UInt64 {
        Memory.word(at: address + headOffset)
    }

    /// The address of libdispatch's object within Swift's `DispatchQueue`: its first stored property, behind the
    /// two words that every Swift object begins with.
    ///
    /// `nil` where there is nothing readable.
    package static func address(ofWrapper wrapper: UnsafeRawPointer) -> UInt? {
        guard let words = Memory.words(at: UInt(bitPattern: wrapper), count: 3) else { return nil }
        let address = UInt(words[2])
        return Memory.words(at: address, count: wordCount) == nil ? nil : address
    }
}
