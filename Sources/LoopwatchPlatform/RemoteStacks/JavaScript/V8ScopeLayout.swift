// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Where V8 keeps the name and the place of a function in a scope's description (`ScopeInfo`, src/objects/scope-info.tq):
/// one table for each version, because V8's description of itself does not tell, and it changes.
struct V8ScopeLayout: Equatable {
    /// Where the first and last character of a function's source are.
    enum Position: Equatable {
        /// In the fixed part, at this offset.
        case at(Int)
        /// In the variable part, behind the function's name.
        case behindName
    }

    /// Whether the flags are a tagged small integer, and not plain.
    var areFlagsTagged: Bool
    /// Where the source's place is.
    var position: Position
    /// Where the variable part begins.
    var variablePart: Int
    /// The kind of scope that a module has.
    var moduleScope: UInt32
    /// The kind of scope that a function has.
    var functionScope: UInt32
    /// Whether a module's scope has the count of its variables at the beginning of the variable part.
    var modulesHaveCount: Bool

    /// The layout of a version of V8; `nil` if it is not known.
    static func of(major: Int32, minor: Int32) -> V8ScopeLayout? {
        switch (major, minor) {
        case (11, 3): node20
        case (12, 4): node22
        case (13, 6): node24
        default: nil
        }
    }

    /// V8 11.3, which Node 20 has.
    static let node20 = V8ScopeLayout(
        areFlagsTagged: true,
        position: .behindName,
        variablePart: 32,
        moduleScope: 3,
        functionScope: 2,
        modulesHaveCount: false
    )
    /// V8 12.4, which Node 22 has.
    static let node22 = V8ScopeLayout(
        areFlagsTagged: true,
        position: .behindName,
        variablePart: 32,
        moduleScope: 3,
        functionScope: 2,
        modulesHaveCount: true
    )
    /// V8 13.6, which Node 24 has.
    static let node24 = V8ScopeLayout(
        areFlagsTagged: false,
        position: .at(32),
        variablePart: 48,
        moduleScope: 5,
        functionScope: 4,
        modulesHaveCount: true
    )
}

/// Reads scopes' descriptions.
struct V8ScopeReader<Memory: ReadableMemory> {
    /// What a scope's description says of its function.
    struct Function: Equatable {
        /// Address of its name; `nil` if it has none.
        var name: UInt64?
        /// Place of the first character of its source after its name: the list of arguments.
        var start: Int?
    }

    /// Locals of which there are at least so many have their names elsewhere (`kScopeInfoMaxInlinedLocalNamesSize`).
    private static var inlinedNamesMost: Int { 75 }

    let memory: Memory
    let layout: V8ScopeLayout

    /// Reads the description of a scope; `nil` if it makes no sense.
    func function(at address: UInt64) -> Function? {
        let object = address &- 1
        guard let header = memory.words(at: object, count: 6) else { return nil }
        let flags: UInt32
        if layout.areFlagsTagged {
            guard let tagged = V8Value(header[1]).smallInteger else { return nil }
            flags = UInt32(bitPattern: tagged)
        } else {
            flags = UInt32(truncatingIfNeeded: header[1])
        }
        let scope = flags & 15
        guard scope == layout.functionScope || scope == layout.moduleScope,
            let localCount = V8Value(header[3]).smallInteger.map({ Int($0) }), localCount >= 0,
            localCount <= RemoteStackLimits.scopeLocals
        else { return Function() }
        var offset = layout.variablePart
        if scope == layout.moduleScope, layout.modulesHaveCount { offset += 8 }
        // Names, or one table of them; and what is known of each.
        offset += 8 * (localCount < Self.inlinedNamesMost ? localCount : 1) + 8 * localCount
        if flags >> 10 & 1 != 0 { offset += 8 }
        var function = Function()
        let hasName = flags >> 12 & 3 != 0
        let hasInferredName = flags >> 14 & 1 != 0
        guard let rest = memory.words(at: object &+ UInt64(offset), count: 5) else { return nil }
        var index = 0
        if hasName {
            // The name is a string, or 0; its slot is a small integer.
            guard V8Value(rest[1]).smallInteger != nil else { return nil }
            if V8Value(rest[0]).isHeapObject {
                function.name = rest[0]
            } else if rest[0] != 0 {
                return nil
            }
            index = 2
        }
        if hasInferredName {
            guard V8Value(rest[index]).isHeapObject else { return nil }
            index += 1
        }
        let place: (UInt64, UInt64)
        switch layout.position {
        case .at(let fixed): place = (header[fixed / 8], header[fixed / 8 + 1])
        case .behindName: place = (rest[index], rest[index + 1])
        }
        guard let start = V8Value(place.0).smallInteger, let end = V8Value(place.1).smallInteger, start >= 0,
            end >= start
        else { return nil }
        function.start = Int(start)
        return function
    }
}
