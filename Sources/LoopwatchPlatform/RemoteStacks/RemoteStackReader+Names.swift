// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

extension RemoteStackReader {
    /// Gives names to what was read of a thread, and puts an interpreter's frames among the native ones.
    ///
    /// - Parameters:
    ///   - raw: the native frames; none if they were not read.
    ///   - python: the frames of Python.
    ///   - isInnermostKnown: whether none of those are missing at the inner end.
    mutating func assemble(_ raw: RawStack, python: PythonFrames?, isInnermostKnown: Bool) -> Stack {
        var native: [StackInterleaving.Native] = []
        names.beginStack()
        for (index, frame) in raw.frames.enumerated() {
            if let framePointer = unwinder.framePointers[index], runtimes.script != nil {
                // Frames that V8 generated are either a function's, or of no interest.
                if let function = scriptFrame(framePointer) {
                    native.append(StackInterleaving.Native(frame: function, raw: frame, role: .other))
                }
                continue
            }
            let place = frame.isReturnAddress ? frame.address &- 1 : frame.address
            for named in names.frames(at: place, in: images, modules: unwinder.modules) {
                native.append(StackInterleaving.Native(frame: named, raw: frame, role: role(of: named, at: place)))
            }
        }
        var calls: [[NamedFrame]] = []
        for call in python?.calls ?? [] { calls.append(call.map { pythonFrame($0) }) }
        if !isInnermostKnown, let first = calls.firstIndex(where: { !$0.isEmpty }) {
            calls[first][0].frame.isUncertain = true
        }
        var assembly = StackAssembly()
        let placed = StackInterleaving.place(native: native, isTruncated: raw.isTruncated, calls: calls)
        var index = 0
        while index < placed.count {
            // Functions that were inlined into one another are of one address.
            var end = index + 1
            while end < placed.count, placed[end].frame.frame.link == .inlined { end += 1 }
            var raw = placed[index].raw
            raw.isUncertain = raw.isUncertain || placed[index].frame.frame.isUncertain
            assembly.append(placed[index..<end].map(\.frame), from: raw)
            index = end
        }
        return Stack(frames: assembly.frames, isTruncated: python?.isTruncated ?? raw.isTruncated)
    }

    private func role(of frame: NamedFrame, at address: UInt64) -> StackInterleaving.Role {
        guard let python = runtimes.python, python.image.textStart <= address, address < python.image.textEnd else {
            return .other
        }
        return frame.frame.function == "_PyEval_EvalFrameDefault" ? .loop : .interpreter
    }

    private mutating func scriptFrame(_ framePointer: UInt64) -> NamedFrame? {
        guard let places = runtimes.script?.functions.places(inFrame: framePointer),
            let function = stackMemory.word(at: places.function), let context = stackMemory.word(at: places.context),
            V8Functions<ProcessMemory>.isFunctionFrame(context: context)
        else { return nil }
        // The collector may be moving it at this moment.
        let named =
            runtimes.script?.functions.function(function, context: context)?.frame
            ?? StackFrame(function: "(JavaScript)", module: "node", origin: .unknown)
        return NamedFrame(frame: named, kind: .function)
    }

    private mutating func pythonFrame(_ frame: PythonFrames.Frame) -> NamedFrame {
        let function = runtimes.python?.names.function(of: frame)
        let named =
            function?.frame
            ?? StackFrame(function: "Python code at 0x" + String(frame.code, radix: 16), module: "", origin: .unknown)
        return NamedFrame(frame: named, kind: .function)
    }
}
