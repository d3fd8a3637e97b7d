// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Frames without thunks that say nothing")
struct StackAssemblyTests {
    private func named(_ function: String, _ kind: SymbolName.Kind = .function, inlined: Bool = false) -> NamedFrame {
        let frame = StackFrame(function: function, module: "App", origin: .host, link: inlined ? .inlined : .call)
        return NamedFrame(frame: frame, kind: kind)
    }

    private func assembled(_ groups: [[NamedFrame]], asynchronousFrom: Int = .max) -> [StackFrame] {
        var assembly = StackAssembly()
        for (index, group) in groups.enumerated() {
            let link: RawFrame.Link = index >= asynchronousFrom ? .asynchronous : .call
            assembly.append(group, from: RawFrame(address: UInt64(index), isReturnAddress: true, link: link))
        }
        return assembly.frames
    }

    @Test("a frame into which another was inlined says so, and has the same address")
    func inlined() {
        let frames = assembled([[named("a")], [named("b"), named("c", inlined: true)], [named("d")]])
        #expect(frames.map(\.function) == ["a", "b", "c", "d"])
        #expect(frames.map(\.link) == [.call, .call, .inlined, .call])
        #expect(frames.map(\.address) == [0, 1, 1, 2])
    }

    @Test("a thunk beside a frame of its name is left out, on either side")
    func thunks() {
        let frames = assembled([[named("a")], [named("a", .thunk)], [named("b", .thunk)], [named("b")]])
        #expect(frames.map(\.function) == ["a", "b"])
    }

    @Test("a thunk that tells something is kept")
    func onlyThunk() {
        #expect(assembled([[named("a")], [named("t", .thunk)], [named("b")]]).map(\.function) == ["a", "t", "b"])
    }

    @Test("what adapts a closure is left out, and its link is not lost")
    func reabstraction() {
        let thunk = named(SymbolName.reabstractionThunk, .generated)
        let frames = assembled([[named("a")], [thunk], [named("b")]], asynchronousFrom: 1)
        #expect(frames.map(\.function) == ["a", "b"])
        #expect(frames[1].link == .asynchronous)
        #expect(
            assembled([[named("a")], [named("a", .thunk), named("b", inlined: true)]]).map(\.link) == [.call, .call]
        )
    }

    @Test("what the optimiser left of a function whose body it moved is left out; recursion is not")
    func movedBody() {
        func lined(_ line: Int?) -> NamedFrame {
            var frame = named("f")
            frame.frame.line = line
            return frame
        }
        #expect(assembled([[lined(3)], [lined(nil)], [named("g")]]).map(\.function) == ["f", "g"])
        #expect(assembled([[lined(3)], [lined(4)], [named("g")]]).count == 3)
        #expect(assembled([[lined(nil)], [lined(nil)], [named("g")]]).count == 3)
    }

    @Test("a stack of nothing but thunks keeps one")
    func allThunks() {
        #expect(assembled([[named(SymbolName.reabstractionThunk, .generated)]]).count == 1)
        #expect(assembled([]).isEmpty)
    }
}
