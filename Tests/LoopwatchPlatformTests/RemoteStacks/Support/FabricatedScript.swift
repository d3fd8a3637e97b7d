// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@testable import LoopwatchPlatform

/// A heap of V8 made by a test.
final class FabricatedScript {
    let memory = FabricatedMemory()
    let layout: V8Layout
    private var maps: [Int: UInt64] = [:]

    /// Kinds of objects; strings are below 128.
    enum Kind {
        static let script = 150
        static let scope = 151
        static let shared = 152
        static let context = 153
        static let function = 200
    }

    /// Symbols as a build has them, and their values.
    static let constants: [String: Int32] = [
        "off_fp_function": -16, "off_fp_context_or_frame_type": -8, "off_fp_context": -8,
        "class_HeapObject__map__Map": 0, "class_Map__instance_type__uint16_t": 12,
        "class_JSFunction__shared__SharedFunctionInfo": 24,
        "class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_": 16,
        "class_SharedFunctionInfo__script__Tagged_HeapObject_": 32,
        "class_SharedFunctionInfo__raw_function_token_offset__int16_t": 44, "class_Script__name__Object": 16,
        "class_Script__source__Object": 8, "class_String__length__int32_t": 12,
        "class_SeqOneByteString__chars__char": 16, "class_SeqTwoByteString__chars__char": 16,
        "class_ConsString__first__String": 16, "class_ConsString__second__String": 24,
        "class_ThinString__actual__String": 16, "class_SlicedString__parent__String": 16,
        "class_SlicedString__offset__SMI": 24, "class_ExternalString__resource__Object": 16,
        "FirstNonstringType": 128, "StringRepresentationMask": 7, "StringEncodingMask": 8, "SeqStringTag": 0,
        "ConsStringTag": 1, "ExternalStringTag": 2, "SlicedStringTag": 3, "ThinStringTag": 5,
        "type_JSFunction__JS_FUNCTION_TYPE": Int32(Kind.function), "type_Script__SCRIPT_TYPE": Int32(Kind.script),
        "type_ScopeInfo__SCOPE_INFO_TYPE": Int32(Kind.scope),
        "type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE": Int32(Kind.shared), "TaggedSize": 8,
    ]

    /// Puts the symbols of a version into memory; returns their addresses.
    static func symbols(
        in memory: FabricatedMemory,
        major: Int32,
        minor: Int32,
        changing changes: [String: Int32?] = [:]
    ) -> [String: UInt64] {
        var symbols: [String: UInt64] = [:]
        var values: [String: Int32] = [:]
        for (name, value) in constants { values["v8dbg_" + name] = value }
        for (name, value) in changes { values["v8dbg_" + name] = value }
        values["_ZN2v88internal7Version6major_E"] = major
        values["_ZN2v88internal7Version6minor_E"] = minor
        for (name, value) in values {
            let place = memory.object(4)
            memory.put(value, at: place)
            symbols[name] = place
        }
        return symbols
    }

    init(major: Int32, minor: Int32) throws {
        layout = try V8Layout(memory, symbols: Self.symbols(in: memory, major: major, minor: minor))
    }

    var functions: V8Functions<FabricatedMemory> { V8Functions(memory: memory, layout: layout) }
    var heap: V8Heap<FabricatedMemory> { V8Heap(memory: memory, layout: layout) }

    /// An object of a kind, as a tagged word.
    func object(_ kind: Int, bytes: Int) -> UInt64 {
        if maps[kind] == nil {
            let map = memory.object(64)
            memory.put(UInt16(kind), at: map + 12)
            maps[kind] = map + 1
        }
        let object = memory.object(bytes)
        memory.put(maps[kind]!, at: object)
        return object + 1
    }

    /// Sets a field.
    func set(_ object: UInt64, _ offset: Int, _ value: UInt64) { memory.put(value, at: object - 1 + UInt64(offset)) }

    /// A small integer.
    func small(_ value: Int) -> UInt64 { UInt64(UInt32(truncatingIfNeeded: value)) << 32 }

    /// A string of one byte a character.
    func string(_ text: String) -> UInt64 {
        let bytes = Array(text.utf8)
        let object = object(0 | 8, bytes: 16 + bytes.count + 8)
        memory.put(Int32(bytes.count), at: object - 1 + 12)
        memory.put(bytes, at: object - 1 + 16)
        return object
    }

    /// A string of another representation.
    func string(kind: Int, length: Int, _ fields: [(Int, UInt64)]) -> UInt64 {
        let object = object(kind, bytes: 40)
        memory.put(Int32(length), at: object - 1 + 12)
        for (offset, value) in fields { set(object, offset, value) }
        return object
    }

    /// A script.
    func script(_ name: String, source: String) -> UInt64 {
        let script = object(Kind.script, bytes: 64)
        set(script, 16, string(name))
        set(script, 8, string(source))
        return script
    }

    /// The description of a function's scope.
    func scope(
        name: UInt64?,
        start: Int,
        locals: Int = 0,
        isModule: Bool = false,
        hasInferredName: Bool = true
    ) -> UInt64 {
        let scopes = layout.scope
        let scope = object(Kind.scope, bytes: 512 + 16 * locals)
        let kind = isModule ? scopes.moduleScope : scopes.functionScope
        let flags = kind | (name == nil ? 0 : 3 << 12) | (hasInferredName ? 1 << 14 : 0)
        if scopes.areFlagsTagged {
            set(scope, 8, small(Int(flags)))
        } else {
            set(scope, 8, UInt64(flags))
        }
        set(scope, 24, small(locals))
        var offset = scopes.variablePart
        if isModule, scopes.modulesHaveCount { offset += 8 }
        let names = locals < 75 ? locals : 1
        for index in 0..<names { set(scope, offset + 8 * index, string("local\(index)")) }
        for index in 0..<locals { set(scope, offset + 8 * (names + index), small(index)) }
        offset += 8 * (names + locals)
        if let name {
            set(scope, offset, name)
            set(scope, offset + 8, small(-1))
            offset += 16
        }
        if hasInferredName {
            set(scope, offset, string("inferred"))
            offset += 8
        }
        if case .at(let fixed) = scopes.position { offset = fixed }
        set(scope, offset, small(start))
        set(scope, offset + 8, small(start + 10))
        return scope
    }

    /// A function.
    func function(nameOrScope: UInt64, script: UInt64, tokenOffset: UInt16 = 0) -> UInt64 {
        let shared = object(Kind.shared, bytes: 64)
        set(shared, 16, nameOrScope)
        set(shared, 32, script)
        memory.put(tokenOffset, at: shared - 1 + 44)
        let function = object(Kind.function, bytes: 64)
        set(function, 24, shared)
        return function
    }
}
