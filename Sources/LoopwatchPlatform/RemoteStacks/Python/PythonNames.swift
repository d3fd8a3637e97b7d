// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is known of a function of Python.
struct PythonFunction: Hashable {
    /// Its qualified name, as Python writes it.
    var name: String
    /// Its file.
    var file: String
    /// The line that it is at; `nil` where it has none.
    var line: Int?
}

/// Reads the names, files and lines of Python's frames, and keeps what does not change.
struct PythonNames<Memory: ReadableMemory> {
    private struct Code {
        /// What the code object held when it was looked up: another one in its place has others.
        var key: Key
        var name: String
        var file: String
        var lines: [UInt8]
    }

    private struct Key: Equatable {
        var firstLine: Int32
        var name: UInt64
        var file: UInt64
        var lines: UInt64
    }

    private let memory: Memory
    private let layout: PythonLayout
    private let strings: PythonStrings<Memory>
    /// Address of `PyCode_Type`; 0 where it is not known.
    private let codeType: UInt64
    private var codes = GenerationCache<UInt64, Code>(capacity: RemoteStackLimits.pythonCodes)

    /// Creates a reader of names.
    init(memory: Memory, layout: PythonLayout, codeType: UInt64, stringType: UInt64, bytesType: UInt64) {
        self.memory = memory
        self.layout = layout
        self.codeType = codeType
        strings = PythonStrings(memory: memory, layout: layout, stringType: stringType, bytesType: bytesType)
    }

    /// What a frame's function is; `nil` if its code object is none.
    mutating func function(of frame: PythonFrames.Frame) -> PythonFunction? {
        guard frame.code != 0, frame.code % 8 == 0,
            let record = RecordBytes(memory, at: frame.code, count: layout.codeBytes),
            codeType == 0 || record.word(at: PythonStrings<Memory>.typeOffset) == codeType
        else { return nil }
        let key = Key(
            firstLine: record.field(Int32.self, at: layout.codeFirstLine),
            name: record.word(at: layout.codeQualifiedName),
            file: record.word(at: layout.codeFile),
            lines: record.word(at: layout.codeLines)
        )
        var code = codes.value(for: frame.code)
        if code?.key != key {
            guard let name = strings.string(at: key.name), let file = strings.string(at: key.file) else { return nil }
            let lines = strings.bytes(at: key.lines, bytesMost: RemoteStackLimits.pythonLineTableBytes) ?? []
            code = Code(key: key, name: name, file: file, lines: lines)
            codes.insert(code!, for: frame.code)
        }
        guard let code else { return nil }
        let distance = frame.instruction &- (frame.code &+ UInt64(layout.codeInstructions))
        let instruction = Int64(bitPattern: distance) >> 1
        let isWithin = instruction >= -1 && instruction < 1 << 24
        return PythonFunction(
            name: boundedText(code.name, SymbolLimits.functionNameBytes),
            file: code.file,
            line: isWithin
                ? PythonLines.line(in: code.lines, firstLine: Int(key.firstLine), instruction: Int(instruction))
                : nil
        )
    }
}
