// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// A frame with its name, and what the code is.
struct NamedFrame {
    /// The frame; its address, link and certainty are those of the place where it was found.
    var frame: StackFrame
    /// What the code is.
    var kind: SymbolName.Kind
}

/// Puts the frames of a stack together, and leaves out thunks that say nothing.
struct StackAssembly {
    private var all: [NamedFrame] = []

    /// Adds the frames that one address stands for, the innermost inlined one first.
    mutating func append(_ group: [NamedFrame], from raw: RawFrame) {
        for (index, named) in group.enumerated() {
            var named = named
            named.frame.address = raw.address
            named.frame.isUncertain = raw.isUncertain
            if index == 0 { named.frame.link = raw.link == .asynchronous ? .asynchronous : .call }
            all.append(named)
        }
    }

    /// The frames, the innermost first, without those that only pass a call on: thunks beside a frame of the same name,
    /// and those that adapt a closure's arguments.
    var frames: [StackFrame] {
        var frames: [StackFrame] = []
        var dropped: StackFrame?
        for index in all.indices {
            var frame = all[index].frame
            if let inner = dropped {
                frame.link = Self.link(inner.link, frame.link)
                frame.isUncertain = frame.isUncertain || inner.isUncertain
                dropped = nil
            }
            if saysNothing(index) || Self.isEntry(frame, of: frames.last) {
                dropped = frame
            } else {
                frames.append(frame)
            }
        }
        return frames.isEmpty ? all.prefix(1).map(\.frame) : frames
    }

    /// Whether a frame is what the optimiser left of a function whose body it moved: it has no line, and calls the body.
    private static func isEntry(_ frame: StackFrame, of inner: StackFrame?) -> Bool {
        guard let inner, frame.line == nil, inner.line != nil, frame.link != .asynchronous else { return false }
        return frame.function == inner.function && frame.module == inner.module
    }

    private func saysNothing(_ index: Int) -> Bool {
        switch all[index].kind {
        case .function: return false
        case .generated: return all[index].frame.function == SymbolName.reabstractionThunk
        case .thunk:
            let neighbours = [index - 1, index + 1].filter(all.indices.contains)
            return neighbours.contains { all[$0].frame.function == all[index].frame.function }
        }
    }

    /// How a frame is related to the one before the one before it.
    private static func link(_ inner: StackFrame.Link, _ outer: StackFrame.Link) -> StackFrame.Link {
        if inner == .asynchronous || outer == .asynchronous { return .asynchronous }
        return inner == .inlined && outer == .inlined ? .inlined : .call
    }
}
