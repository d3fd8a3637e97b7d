// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads objects of V8: their kinds, and strings.
struct V8Heap<Memory: ReadableMemory> {
    let memory: Memory
    let layout: V8Layout

    /// A field of an object; `nil` if it cannot be read.
    func field(_ object: UInt64, _ offset: Int) -> UInt64? {
        memory.word(at: object &- 1 &+ UInt64(bitPattern: Int64(offset)))
    }

    /// The kind of an object; `nil` if it is none, as one is that the collector is moving.
    func type(of object: UInt64) -> Int? {
        guard V8Value(object).isHeapObject, let map = field(object, layout.objectMap), V8Value(map).isHeapObject else {
            return nil
        }
        return memory.integer(UInt16.self, at: map &- 1 &+ UInt64(layout.mapInstanceType)).map { Int($0) }
    }

    /// Whether an object is a string.
    func isString(_ object: UInt64) -> Bool { type(of: object).map { $0 < layout.firstNonstring } ?? false }

    /// A string, cut to a number of characters; `nil` if it is none, or of a kind that is not known.
    func string(_ object: UInt64, charactersMost: Int = RemoteStackLimits.scriptStringCharacters) -> String? {
        characters(of: object, from: 0, count: charactersMost, depth: 0).map { String(decoding: $0, as: UTF16.self) }
    }

    /// Characters of a string, as units of UTF-16; fewer where it ends before.
    func characters(of object: UInt64, from start: Int, count: Int, depth: Int = 0) -> [UInt16]? {
        guard depth < RemoteStackLimits.scriptStringDepth, let type = type(of: object), type < layout.firstNonstring,
            let length = memory.integer(Int32.self, at: object &- 1 &+ UInt64(layout.stringLength)), length >= 0,
            start >= 0, count >= 0
        else { return nil }
        let count = min(count, max(0, Int(length) - start))
        guard count > 0 else { return [] }
        let isOneByte = type & layout.encodingMask != 0
        switch type & layout.representationMask {
        case layout.sequential:
            let place = isOneByte ? layout.oneByteCharacters : layout.twoByteCharacters
            return units(at: object &- 1 &+ UInt64(place), from: start, count: count, isOneByte: isOneByte)
        case layout.external:
            // The resource is followed by the address of its characters.
            guard let data = field(object, layout.externalResource + 8), data != 0 else { return nil }
            return units(at: data, from: start, count: count, isOneByte: isOneByte)
        case layout.thin:
            guard let actual = field(object, layout.thinActual) else { return nil }
            return characters(of: actual, from: start, count: count, depth: depth + 1)
        case layout.sliced:
            guard let parent = field(object, layout.slicedParent), let tagged = field(object, layout.slicedOffset),
                let offset = V8Value(tagged).smallInteger, offset >= 0
            else { return nil }
            return characters(of: parent, from: start + Int(offset), count: count, depth: depth + 1)
        case layout.cons:
            guard let first = field(object, layout.consFirst), let second = field(object, layout.consSecond),
                let firstLength = memory.integer(Int32.self, at: first &- 1 &+ UInt64(layout.stringLength)),
                firstLength >= 0, firstLength <= length
            else { return nil }
            let split = Int(firstLength)
            var result: [UInt16] = []
            if start < split {
                guard
                    let part = characters(
                        of: first,
                        from: start,
                        count: min(count, split - start),
                        depth: depth + 1
                    )
                else { return nil }
                result = part
            }
            if result.count < count {
                guard
                    let part = characters(
                        of: second,
                        from: max(0, start - split),
                        count: count - result.count,
                        depth: depth + 1
                    )
                else { return nil }
                result += part
            }
            return result
        default: return nil
        }
    }

    private func units(at address: UInt64, from start: Int, count: Int, isOneByte: Bool) -> [UInt16]? {
        let width = isOneByte ? 1 : 2
        guard let bytes = memory.bytes(at: address &+ UInt64(start * width), count: count * width) else { return nil }
        if isOneByte { return bytes.map { UInt16($0) } }
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map { bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
        }
    }
}
