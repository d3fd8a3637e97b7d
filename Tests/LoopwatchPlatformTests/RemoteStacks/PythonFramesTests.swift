// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Frames of a fabricated Python")
struct PythonFramesTests {
    @Test("are grouped by the calls of the loop that run them", arguments: PythonLayout.all)
    func grouped(layout: PythonLayout) throws {
        let python = FabricatedPython(layout)
        // Two units at the first line, then two at the next.
        let lines: [UInt8] = [0xd1, 0, 0, 0xd9, 0, 0]
        let outer = python.code("main", file: "/app/main.py", firstLine: 3, lines: lines)
        let middle = python.code("Shop.pay", file: "/app/shop.py", firstLine: 20, lines: lines)
        let inner = python.code("wait", file: "/usr/lib/python3.11/wait.py", firstLine: 7, lines: lines)
        let first = python.frame(outer, instruction: 0, previous: 0, isEntry: true)
        let second = python.frame(middle, instruction: 1, previous: first)
        let third = python.frame(inner, instruction: 3, previous: second, isEntry: true)
        _ = python.thread(71)
        let state = python.thread(4_242)
        python.setInnermost(third, of: state)

        let reader = python.reader
        #expect(reader.state(ofThread: 4_242) == state)
        #expect(reader.state(ofThread: 4_243) == nil)
        let frames = try #require(reader.frames(ofState: state))
        #expect(frames.calls.map { $0.map(\.code) } == [[inner], [middle, outer]])
        #expect(!frames.isTruncated)
        var names = python.names
        #expect(
            frames.frames.map { names.function(of: $0) } == [
                PythonFunction(name: "wait", file: "/usr/lib/python3.11/wait.py", line: 8),
                PythonFunction(name: "Shop.pay", file: "/app/shop.py", line: 20),
                PythonFunction(name: "main", file: "/app/main.py", line: 3),
            ]
        )
    }

    @Test("that lead in a circle end at the limit", arguments: PythonLayout.all)
    func circle(layout: PythonLayout) throws {
        let python = FabricatedPython(layout)
        let code = python.code("f", file: "f.py", firstLine: 1, lines: [])
        let outer = python.frame(code, previous: 0)
        let inner = python.frame(code, previous: outer)
        python.memory.put(inner, at: outer + UInt64(layout.framePrevious))
        let state = python.thread(1)
        python.setInnermost(inner, of: state)
        let frames = try #require(python.reader.frames(ofState: state))
        #expect(frames.isTruncated && frames.frames.count == RemoteStackLimits.pythonFrames)
        // A circle of threads ends too.
        python.memory.put(state, at: state + UInt64(layout.threadNext))
        #expect(python.reader.state(ofThread: 2) == nil)
    }

    @Test("that lead nowhere are none", arguments: PythonLayout.all)
    func nowhere(layout: PythonLayout) {
        let python = FabricatedPython(layout)
        let state = python.thread(1)
        for address in [0x7fff_0000, 0x13, .max, 1 << 63] as [UInt64] {
            python.setInnermost(address, of: state)
            #expect(python.reader.frames(ofState: state) == nil)
        }
        python.setInnermost(0, of: state)
        #expect(python.reader.frames(ofState: state)?.frames.isEmpty == true)
    }

    @Test("whose code object is none have no name")
    func noCode() throws {
        let python = FabricatedPython(.python312)
        let code = python.code("f", file: "f.py", firstLine: 1, lines: [])
        let frame = PythonFrames.Frame(address: 0, code: code, instruction: code + 192)
        var names = python.names
        #expect(names.function(of: frame)?.name == "f")
        // Its memory is used for something else.
        python.memory.put(python.stringType, at: code + 8)
        #expect(names.function(of: frame) == nil)
        // Or for another code object: what was kept is not used for it.
        let other = python.code("g", file: "g.py", firstLine: 5, lines: [])
        for offset in stride(from: UInt64(0), to: 192, by: 8) {
            python.memory.put(python.memory.word(at: other + offset) ?? 0, at: code + offset)
        }
        #expect(names.function(of: frame)?.name == "g")
        // A name that is no string is no name.
        python.memory.put(code, at: code + 128)
        #expect(names.function(of: frame) == nil)
    }

    @Test("strings of all widths are read, and cut")
    func strings() {
        for layout in PythonLayout.all {
            let python = FabricatedPython(layout)
            let strings = PythonStrings(
                memory: python.memory,
                layout: layout,
                stringType: python.stringType,
                bytesType: python.bytesType
            )
            #expect(strings.string(at: python.string("naïve".replacing("ï", with: "i"))) == "naive")
            #expect(strings.string(at: python.string([0xe9, 0x41], kind: 1, isASCII: false)) == "éA")
            #expect(strings.string(at: python.string([0x3b1, 0x41], kind: 2, isASCII: false)) == "αA")
            #expect(strings.string(at: python.string([0x1f600], kind: 4, isASCII: false)) == "😀")
            #expect(strings.string(at: python.string([0xd800], kind: 2, isASCII: false)) == "\u{fffd}")
            #expect(strings.string(at: python.string([0xffff_ffff], kind: 4, isASCII: false)) == nil)
            #expect(strings.string(at: python.string([1], kind: 3, isASCII: false)) == nil)
            let long = python.string(String(repeating: "x", count: 5_000))
            #expect(strings.string(at: long)?.count == RemoteStackLimits.pythonStringCharacters)
            #expect(strings.string(at: 0) == nil && strings.string(at: 0x7777_0000) == nil)
        }
    }

    @Test("the holder of the global lock is a thread that there is, while it has it", arguments: PythonLayout.all)
    func globalLock(layout: PythonLayout) {
        let python = FabricatedPython(layout)
        _ = python.thread(71)
        let state = python.thread(72)
        #expect(python.reader.globalLockHolder() == nil)
        python.setGlobalLockHolder(state, isLocked: 1)
        #expect(python.reader.globalLockHolder() == 72)
        // It was given back.
        python.setGlobalLockHolder(state, isLocked: 0)
        #expect(python.reader.globalLockHolder() == nil)
        // It was not yet made.
        python.setGlobalLockHolder(state, isLocked: -1)
        #expect(python.reader.globalLockHolder() == nil)
        // Anything else.
        for address in [0, 13, state + 8, 0x7fff_0000, .max] as [UInt64] {
            python.setGlobalLockHolder(address, isLocked: 1)
            #expect(python.reader.globalLockHolder() == nil)
        }
    }

    @Test("a global lock that is passed on while it is read has no holder")
    func globalLockPassedOn() {
        let python = FabricatedPython(.python312)
        let states = [python.thread(71), python.thread(72)]
        var step = 0
        python.setGlobalLockHolder(states[0], isLocked: 1)
        guard case .inInterpreter(let pointer) = python.layout.globalLock.place,
            let interpreter = python.memory.word(at: python.runtime + UInt64(python.layout.runtimeInterpreters)),
            let lock = python.memory.word(at: interpreter + UInt64(pointer))
        else {
            Issue.record("no lock")
            return
        }
        // After the lock was read for the first time, and before it is for the second.
        python.memory.beforeRead = { memory in
            step += 1
            memory.put(states[step < 6 ? 0 : 1], at: lock + UInt64(python.layout.globalLock.holder))
        }
        #expect(python.reader.globalLockHolder() == nil)
        #expect(step > 6)
        #expect(python.reader.globalLockHolder() == 72)
    }

    // MARK: - Threads that run

    @Test("of a thread that stays are agreed on at once")
    func steady() throws {
        let python = FabricatedPython(.python312)
        let code = python.code("f", file: "f.py", firstLine: 1, lines: [])
        let state = python.thread(1)
        python.setInnermost(python.frame(code, previous: 0, isEntry: true), of: state)
        var torn = 0
        let read = try #require(python.reader.steadyFrames(ofState: state, torn: &torn))
        #expect(read.isWhole && torn == 0 && read.frames.frames.count == 1)
    }

    @Test("of which the inner ones change are agreed on as far as they stay")
    func changing() throws {
        let python = FabricatedPython(.python312)
        let stays = python.code("stays", file: "f.py", firstLine: 1, lines: [])
        let changes = (0..<64).map { python.code("f\($0)", file: "f.py", firstLine: 1, lines: []) }
        let outer = python.frame(stays, previous: 0, isEntry: true)
        // The same place, as the next function that is called has it.
        let inner = python.frame(changes[0], previous: outer)
        let state = python.thread(1)
        python.setInnermost(inner, of: state)
        let layout = python.layout
        var step = 0
        python.memory.beforeRead = { memory in
            step += 1
            memory.put(changes[step % 64], at: inner + UInt64(layout.frameCode))
        }
        var torn = 0
        let read = try #require(python.reader.steadyFrames(ofState: state, torn: &torn))
        #expect(!read.isWhole && torn == RemoteStackLimits.pythonReadings)
        #expect(read.frames.frames.map(\.code) == [stays])
    }

    @Test("of which all change are none")
    func torn() {
        let python = FabricatedPython(.python311)
        let codes = (0..<64).map { python.code("f\($0)", file: "f.py", firstLine: 1, lines: []) }
        let frame = python.frame(codes[0], previous: 0, isEntry: true)
        let state = python.thread(1)
        python.setInnermost(frame, of: state)
        let layout = python.layout
        var step = 0
        python.memory.beforeRead = { memory in
            step += 1
            memory.put(codes[step % 64], at: frame + UInt64(layout.frameCode))
        }
        var torn = 0
        #expect(python.reader.steadyFrames(ofState: state, torn: &torn) == nil)
        #expect(torn == RemoteStackLimits.pythonReadings)
    }

    // MARK: - Versions

    @Test("versions that are not known are said to be so")
    func versions() {
        let memory = PythonLayout.description()
        func version(_ value: UInt64?, _ memory: FabricatedMemory = memory) -> PythonVersion {
            PythonVersion.of(version: value, memory, runtime: 0x1000)
        }
        #expect(version(0x030b_07f0) == .known(.python311))
        #expect(version(0x030c_01f0) == .known(.python312))
        if case .known(let layout) = version(0x030d_00f0) {
            #expect(layout.version == "3.13" && layout.compactBytes == 56)
        } else {
            Issue.record("3.13 is not known")
        }
        #expect(version(nil) == .unknown("Python before 3.11: its frames are not known"))
        #expect(version(0x030e_00f0) == .unknown("Python 3.14: its frames are not known"))
        #expect(version(0x0400_00f0) == .unknown("Python 4.0: its frames are not known"))
        let unknown: [(FabricatedMemory, String)] = [
            (PythonLayout.description(changing: [PythonLayout.Word.cookie: 1]), "as expected"),
            (PythonLayout.description(changing: [PythonLayout.Word.freeThreaded: 1]), "without a global lock"),
            (PythonLayout.description(changing: [PythonLayout.Word.codeLines: 1 << 40]), "as expected"),
            (PythonLayout.description(changing: [PythonLayout.Word.frameOwner: 1 << 20]), "as expected"),
            (PythonLayout.description(changing: [PythonLayout.Word.lockHolder: 1]), "as expected"),
            (FabricatedMemory(), "cannot be read"),
        ]
        for (memory, words) in unknown {
            if case .unknown(let text) = version(0x030d_00f0, memory) {
                #expect(text.contains(words))
            } else {
                Issue.record("known: \(words)")
            }
        }
    }

    // MARK: - Garbage

    @Test("any damage ends, within the limits", arguments: PythonLayout.all, [1, 2, 3] as [UInt64])
    func fuzz(layout: PythonLayout, seed: UInt64) {
        let python = FabricatedPython(layout)
        var generator = SeededGenerator(seed: seed)
        var frame: UInt64 = 0
        for index in 0..<6 {
            let code = python.code("f\(index)", file: "/a/\(index).py", firstLine: 1, lines: [0xd9, 0, 0])
            frame = python.frame(code, instruction: 1, previous: frame, isEntry: index % 2 == 0)
        }
        let state = python.thread(9)
        python.setInnermost(frame, of: state)
        let addresses = python.memory.wordAddresses
        var found = 0
        for _ in 0..<400 {
            let memory = python.memory.copy()
            for _ in 0...Int.random(in: 0...6, using: &generator) {
                let value: UInt64 = [
                    addresses.randomElement(using: &generator)!, generator.next(), 0, .max, frame, state,
                ].randomElement(using: &generator)!
                memory.put(value, at: addresses.randomElement(using: &generator)!)
            }
            if Bool.random(using: &generator) { memory.removePage(of: addresses.randomElement(using: &generator)!) }
            let reader = PythonFrameReader(memory: memory, layout: layout, runtime: python.runtime)
            guard let damaged = reader.state(ofThread: 9), let frames = reader.frames(ofState: damaged) else {
                continue
            }
            #expect(frames.frames.count <= RemoteStackLimits.pythonFrames)
            var names = PythonNames(
                memory: memory,
                layout: layout,
                codeType: python.codeType,
                stringType: python.stringType,
                bytesType: python.bytesType
            )
            for frame in frames.frames {
                guard let function = names.function(of: frame) else { continue }
                found += 1
                #expect(function.name.utf8.count <= SymbolLimits.functionNameBytes)
            }
        }
        #expect(found > 400)
    }
}
