// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What V8 says of its own layout for debuggers that come after the fact: the symbols `v8dbg_…` of a build (tools/
/// gen-postmortem-metadata.py of V8).
struct V8Layout: Equatable {
    /// Version of V8.
    var major: Int32
    /// Version of V8.
    var minor: Int32
    var scope: V8ScopeLayout
    // Offsets from a frame pointer.
    var frameFunction: Int
    var frameContext: Int
    // Offsets in objects.
    var objectMap: Int
    var mapInstanceType: Int
    var functionShared: Int
    var sharedName: Int
    var sharedScript: Int
    var sharedTokenOffset: Int?
    var scriptName: Int
    var scriptSource: Int
    var stringLength: Int
    var oneByteCharacters: Int
    var twoByteCharacters: Int
    var consFirst: Int
    var consSecond: Int
    var thinActual: Int
    var slicedParent: Int
    var slicedOffset: Int
    var externalResource: Int
    // Kinds of objects.
    var firstNonstring: Int
    var representationMask: Int
    var encodingMask: Int
    var sequential: Int
    var cons: Int
    var thin: Int
    var sliced: Int
    var external: Int
    var functionType: Int
    var scriptType: Int
    var scopeType: Int
    /// `nil` in versions that do not say.
    var sharedType: Int?

    /// Prefixes of the symbols that are needed.
    static let symbolPrefixes = ["v8dbg_", majorSymbol, minorSymbol]
    private static let majorSymbol = "_ZN2v88internal7Version6major_E"
    private static let minorSymbol = "_ZN2v88internal7Version6minor_E"

    /// Why a layout is not known, in words.
    struct Unknown: Error, Equatable {
        var text: String
    }

    /// Reads the layout.
    ///
    /// - Parameters:
    ///   - memory: the process's memory.
    ///   - symbols: addresses of the symbols, by name.
    init(_ memory: some ReadableMemory, symbols: [String: UInt64]) throws(Unknown) {
        guard let major = symbols[Self.majorSymbol].flatMap({ memory.integer(Int32.self, at: $0) }),
            let minor = symbols[Self.minorSymbol].flatMap({ memory.integer(Int32.self, at: $0) })
        else { throw Unknown(text: "V8 of unknown version: its frames are not known") }
        guard let scope = V8ScopeLayout.of(major: major, minor: minor) else {
            throw Unknown(text: "V8 \(major).\(minor): its frames are not known")
        }
        self.major = major
        self.minor = minor
        self.scope = scope
        /// The value of a symbol, or of the first with a prefix: the types in their names differ from version to version.
        func value(_ prefixes: String...) throws(Unknown) -> Int {
            for prefix in prefixes {
                let name = "v8dbg_" + prefix
                let match = symbols[name] ?? symbols.filter { $0.key.hasPrefix(name) }.min { $0.key < $1.key }?.value
                // Offsets and kinds are small; anything else is not what is meant.
                if let match, let value = memory.integer(Int32.self, at: match), abs(value) < 1 << 20 {
                    return Int(value)
                }
            }
            throw Unknown(text: "V8 \(major).\(minor): it does not describe itself as expected (\(prefixes[0]))")
        }
        frameFunction = try value("off_fp_function")
        frameContext = try value("off_fp_context_or_frame_type")
        objectMap = try value("class_HeapObject__map__")
        mapInstanceType = try value("class_Map__instance_type__")
        functionShared = try value("class_JSFunction__shared__")
        sharedName = try value("class_SharedFunctionInfo__name_or_scope_info__")
        sharedScript = try value(
            "class_SharedFunctionInfo__script_or_debug_info__",
            "class_SharedFunctionInfo__script__"
        )
        sharedTokenOffset = try? value("class_SharedFunctionInfo__raw_function_token_offset__")
        scriptName = try value("class_Script__name__")
        scriptSource = try value("class_Script__source__")
        stringLength = try value("class_String__length__")
        oneByteCharacters = try value("class_SeqOneByteString__chars__")
        twoByteCharacters = try value("class_SeqTwoByteString__chars__")
        consFirst = try value("class_ConsString__first__")
        consSecond = try value("class_ConsString__second__")
        thinActual = try value("class_ThinString__actual__")
        slicedParent = try value("class_SlicedString__parent__")
        slicedOffset = try value("class_SlicedString__offset__")
        externalResource = try value("class_ExternalString__resource__")
        firstNonstring = try value("FirstNonstringType")
        representationMask = try value("StringRepresentationMask")
        encodingMask = try value("StringEncodingMask")
        sequential = try value("SeqStringTag")
        cons = try value("ConsStringTag")
        thin = try value("ThinStringTag")
        sliced = try value("SlicedStringTag")
        external = try value("ExternalStringTag")
        functionType = try value("type_JSFunction__JS_FUNCTION_TYPE")
        scriptType = try value("type_Script__SCRIPT_TYPE")
        scopeType = try value("type_ScopeInfo__SCOPE_INFO_TYPE")
        sharedType = try? value("type_SharedFunctionInfo__")
        guard try value("TaggedSize") == 8 else { throw Unknown(text: "V8 with compressed pointers: not known") }
    }
}
