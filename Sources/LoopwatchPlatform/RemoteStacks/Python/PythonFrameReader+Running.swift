// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Frames of a thread that runs: what is read of one frame may be of another time than what is read of its caller.
extension PythonFrameReader {
    /// The frames of a thread that may be running.
    ///
    /// They are followed once, and then all read again, several times in one call of the kernel and in both directions.
    /// What a frame's record holds must be the same each time: its function, its caller and, for a frame that has called
    /// another, where it is. Frames take each other's places many times in a microsecond, so that reading them twice is
    /// not enough: a function then appeared to be called by one that never calls it, once in some thousand readings of a
    /// loop that does nothing but call.
    ///
    /// - Parameter torn: how many readings were discarded.
    /// - Returns: the frames; where inner ones change all the time, the outer ones that do not. `nil` where nothing stays.
    func steadyFrames(ofState state: UInt64, torn: inout Int) -> (frames: PythonFrames, isWhole: Bool)? {
        var best: Walk?
        for _ in 0..<RemoteStackLimits.pythonReadings {
            if let walk = walk(state) {
                let moving = movingRecords(of: walk)
                if moving == 0 { return (frames(of: walk), true) }
                var steady = walk
                steady.records.removeFirst(moving)
                if !walk.isTruncated, steady.records.count > best?.records.count ?? 0 { best = steady }
            }
            torn += 1
        }
        guard let best else { return nil }
        let frames = frames(of: best)
        return frames.frames.isEmpty ? nil : (frames, false)
    }

    /// How many of the innermost frames are not the same each time that they are read; 0 if all are.
    private func movingRecords(of walk: Walk) -> Int {
        let inner = Array(walk.records.prefix(RemoteStackLimits.pythonFramesChecked))
        let count = inner.count
        guard count > 0 else { return memory.word(at: walk.slot) == 0 ? 0 : count }
        // Outwards and inwards in turns, so that no order of reading suits what moves.
        var order: [Int] = []
        for pass in 0..<RemoteStackLimits.pythonPasses {
            order += pass % 2 == 0 ? Array(0..<count) : Array((0..<count).reversed())
        }
        let slot = MemoryPiece(address: walk.slot, count: 8)
        var pieces = order.map { MemoryPiece(address: inner[$0].address, count: layout.frameBytes) }
        pieces.insert(slot, at: 0)
        pieces.append(slot)
        guard let bytes = memory.gather(pieces) else { return walk.records.count }
        var moving = 0
        let slots = [RecordBytes(bytes.prefix(8)), RecordBytes(bytes.suffix(8))]
        for slot in slots where slot.word(at: 0) != inner[0].address { moving = 1 }
        for (place, index) in order.enumerated() {
            let start = 8 + place * layout.frameBytes
            let record = record(
                RecordBytes(ArraySlice(bytes[start..<start + layout.frameBytes])),
                at: inner[index].address
            )
            if !isSame(record, inner[index], isInnermost: index == 0) { moving = max(moving, index + 1) }
        }
        // The frames further out are read once more; they change less often than those within.
        for (index, known) in walk.records.enumerated().dropFirst(count) {
            let bytes = RecordBytes(memory, at: known.address, count: layout.frameBytes)
            let again = bytes.flatMap { record($0, at: known.address) }
            if !isSame(again, known, isInnermost: false) { moving = index + 1 }
        }
        return moving
    }

    private func isSame(_ record: Record?, _ known: Record, isInnermost: Bool) -> Bool {
        guard let record else { return false }
        return record.code == known.code && record.previous == known.previous && record.owner == known.owner
            && record.isEntry == known.isEntry && (isInnermost || record.instruction == known.instruction)
    }
}
