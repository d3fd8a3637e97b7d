// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is known of a function of JavaScript.
struct ScriptFunction: Hashable {
    /// Its name; empty where it has none.
    var name: String
    /// Name of its script: a path, a URL, or `node:…`; empty for what is built in.
    var script: String
    /// The line that it begins at; `nil` where that is not known.
    var line: Int?
}

/// Tells what functions V8's frames are of.
struct V8Functions<Memory: ReadableMemory> {
    private struct Known {
        /// What its description held: another function in its place has others.
        var name: UInt64
        var script: UInt64
        var function: ScriptFunction
    }

    private let heap: V8Heap<Memory>
    private let layout: V8Layout
    private let scopes: V8ScopeReader<Memory>
    private var functions = GenerationCache<UInt64, Known>(capacity: RemoteStackLimits.scriptFunctions)
    private var lines = GenerationCache<LineKey, [UInt32]>(capacity: RemoteStackLimits.scriptSources)

    private struct LineKey: Hashable {
        var script: UInt64
        var source: UInt64
        var name: String
    }

    /// Creates a reader.
    init(memory: Memory, layout: V8Layout) {
        self.layout = layout
        heap = V8Heap(memory: memory, layout: layout)
        scopes = V8ScopeReader(memory: memory, layout: layout.scope)
    }

    /// The function of a frame; `nil` if the frame is none of JavaScript, or what it refers to makes no sense.
    ///
    /// - Parameters:
    ///   - function: what the frame has where functions of JavaScript have themselves.
    ///   - context: what it has where they have their context.
    mutating func function(_ function: UInt64, context: UInt64) -> ScriptFunction? {
        guard Self.isFunctionFrame(context: context), let type = heap.type(of: function),
            // Constructors of several kinds follow.
            type >= layout.functionType, type < layout.functionType + Self.functionTypes,
            let shared = heap.field(function, layout.functionShared), V8Value(shared).isHeapObject
        else { return nil }
        if let sharedType = layout.sharedType, heap.type(of: shared) != sharedType { return nil }
        guard let name = heap.field(shared, layout.sharedName), let script = heap.field(shared, layout.sharedScript)
        else {
            return nil
        }
        if let known = functions.value(for: shared), known.name == name, known.script == script {
            return known.function
        }
        guard let described = describe(shared: shared, name: name, script: script) else { return nil }
        functions.insert(Known(name: name, script: script, function: described), for: shared)
        return described
    }

    /// Whether a frame is one of a function of JavaScript: others have a small integer where those have their context.
    static func isFunctionFrame(context: UInt64) -> Bool { V8Value(context).isHeapObject }

    /// Where a frame has the function and the context, from its frame pointer on.
    func places(inFrame framePointer: UInt64) -> (function: UInt64, context: UInt64) {
        (
            framePointer &+ UInt64(bitPattern: Int64(layout.frameFunction)),
            framePointer &+ UInt64(bitPattern: Int64(layout.frameContext))
        )
    }

    /// Version of V8.
    var version: String { "\(layout.major).\(layout.minor)" }

    private static var functionTypes: Int { 24 }

    private mutating func describe(shared: UInt64, name: UInt64, script: UInt64) -> ScriptFunction? {
        var result = ScriptFunction(name: "", script: "", line: nil)
        var start: Int?
        if heap.isString(name) {
            guard let text = heap.string(name) else { return nil }
            result.name = text
        } else if heap.type(of: name) == layout.scopeType {
            guard let function = scopes.function(at: name) else { return nil }
            if let address = function.name {
                guard let text = heap.string(address) else { return nil }
                result.name = text
            }
            start = function.start
        } else if V8Value(name).smallInteger == nil {
            return nil
        }
        result.name = boundedText(result.name, SymbolLimits.functionNameBytes)
        guard heap.type(of: script) == layout.scriptType else { return result }
        if let scriptName = heap.field(script, layout.scriptName), let text = heap.string(scriptName) {
            result.script = text
        }
        if var start {
            if let offset = layout.sharedTokenOffset,
                let distance = heap.memory.integer(UInt16.self, at: shared &- 1 &+ UInt64(offset)), distance != .max
            {
                start = max(0, start - Int(distance))
            }
            result.line = line(of: start, script: script, name: result.script)
        }
        return result
    }

    /// The line of a character in a script's source.
    private mutating func line(of position: Int, script: UInt64, name: String) -> Int? {
        guard let source = heap.field(script, layout.scriptSource) else { return nil }
        let key = LineKey(script: script, source: source, name: name)
        let ends: [UInt32]
        if let known = lines.value(for: key) {
            ends = known
        } else {
            guard let read = lineEnds(of: source) else { return nil }
            ends = read
            lines.insert(read, for: key)
        }
        var low = 0
        var high = ends.count
        while low < high {
            let middle = low + (high - low) / 2
            if Int(ends[middle]) < position { low = middle + 1 } else { high = middle }
        }
        // Beyond what was looked through, the line is not known.
        return ends.count < RemoteStackLimits.scriptLines || low < ends.count ? low + 1 : nil
    }

    private func lineEnds(of source: UInt64) -> [UInt32]? {
        var ends: [UInt32] = []
        var position = 0
        while position < RemoteStackLimits.scriptSourceCharacters, ends.count < RemoteStackLimits.scriptLines {
            guard let piece = heap.characters(of: source, from: position, count: 65_536) else { return nil }
            for (index, unit) in piece.enumerated() where unit == 10 && ends.count < RemoteStackLimits.scriptLines {
                ends.append(UInt32(position + index))
            }
            position += piece.count
            guard piece.count == 65_536 else { return ends }
        }
        return nil
    }
}
