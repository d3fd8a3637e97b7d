// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Functions of a fabricated V8")
struct V8FunctionsTests {
    /// A version of V8.
    struct Version: Sendable {
        var major: Int32
        var minor: Int32
    }

    static let versions = [Version(major: 11, minor: 3), Version(major: 12, minor: 4), Version(major: 13, minor: 6)]

    @Test("have name, script and line", arguments: versions)
    func named(version: Version) throws {
        let v8 = try FabricatedScript(major: version.major, minor: version.minor)
        let context = v8.object(FabricatedScript.Kind.context, bytes: 32)
        let source = "// shop\n\nfunction pay (a) {\n}\nconst f = (x) => x;\n"
        let script = v8.script("/app/shop.js", source: source)
        var functions = v8.functions
        // The arguments begin at 22, the word `function` 13 characters before.
        let pay = v8.function(
            nameOrScope: v8.scope(name: v8.string("pay"), start: 22, locals: 3),
            script: script,
            tokenOffset: 13
        )
        #expect(
            functions.function(pay, context: context)
                == ScriptFunction(name: "pay", script: "/app/shop.js", line: 3)
        )
        let anonymous = v8.function(nameOrScope: v8.scope(name: v8.string(""), start: 41), script: script)
        #expect(
            functions.function(anonymous, context: context)
                == ScriptFunction(name: "", script: "/app/shop.js", line: 5)
        )
        // A module's top, with more locals than have their names in it; no name at all.
        let top = v8.function(
            nameOrScope: v8.scope(name: nil, start: 0, locals: 90, isModule: true, hasInferredName: false),
            script: script
        )
        #expect(
            functions.function(top, context: context)
                == ScriptFunction(name: "", script: "/app/shop.js", line: 1)
        )
        // What is built in has a name, and no script.
        let builtin = v8.function(nameOrScope: v8.string("forEach"), script: context)
        #expect(
            functions.function(builtin, context: context) == ScriptFunction(name: "forEach", script: "", line: nil)
        )
    }

    @Test("frames that are not JavaScript's have none", arguments: versions)
    func others(version: Version) throws {
        let v8 = try FabricatedScript(major: version.major, minor: version.minor)
        let context = v8.object(FabricatedScript.Kind.context, bytes: 32)
        let script = v8.script("a.js", source: "f")
        let function = v8.function(nameOrScope: v8.scope(name: v8.string("f"), start: 0), script: script)
        var functions = v8.functions
        #expect(functions.function(function, context: context) != nil)
        // A frame with a marker where functions have their context.
        #expect(functions.function(function, context: 34) == nil)
        // Something else where functions have themselves.
        for word in [context, script, v8.small(7), 0, 0x7fff_0001, function + 1] as [UInt64] {
            #expect(functions.function(word, context: context) == nil)
        }
        // The collector is moving it: its map is the place where it is now.
        v8.set(function, 0, function - 1 + 0x1000)
        #expect(functions.function(function, context: context) == nil)
    }

    @Test("a place that is used for another function gives its name")
    func replaced() throws {
        let v8 = try FabricatedScript(major: 12, minor: 4)
        let context = v8.object(FabricatedScript.Kind.context, bytes: 32)
        let script = v8.script("a.js", source: "\n\n")
        let function = v8.function(nameOrScope: v8.scope(name: v8.string("f"), start: 0), script: script)
        var functions = v8.functions
        #expect(functions.function(function, context: context)?.name == "f")
        let shared = try #require(v8.heap.field(function, 24))
        v8.set(shared, 16, v8.scope(name: v8.string("g"), start: 2))
        #expect(functions.function(function, context: context) == ScriptFunction(name: "g", script: "a.js", line: 3))
        // A name that is none is no name.
        v8.set(shared, 16, v8.scope(name: context, start: 0))
        #expect(functions.function(function, context: context) == nil)
    }

    @Test("strings of all kinds are read")
    func strings() throws {
        let v8 = try FabricatedScript(major: 11, minor: 3)
        let heap = v8.heap
        let hello = v8.string("hello, world")
        #expect(heap.string(hello) == "hello, world")
        #expect(heap.string(hello, charactersMost: 5) == "hello")
        let sliced = v8.string(kind: 3 | 8, length: 5, [(16, hello), (24, v8.small(7))])
        #expect(heap.string(sliced) == "world")
        let thin = v8.string(kind: 5 | 8, length: 5, [(16, sliced)])
        #expect(heap.string(thin) == "world")
        let cons = v8.string(kind: 1 | 8, length: 17, [(16, hello), (24, thin)])
        #expect(heap.string(cons) == "hello, worldworld")
        #expect(heap.characters(of: cons, from: 10, count: 4).map { String(decoding: $0, as: UTF16.self) } == "ldwo")
        let data = v8.memory.object(16)
        v8.memory.put([0x41, 0, 0xb1, 3], at: data)
        let external = v8.string(kind: 2, length: 2, [(24, data)])
        #expect(heap.string(external) == "Aα")
        // A string that is made of itself ends.
        let circle = v8.string(kind: 1 | 8, length: 4, [])
        v8.set(circle, 16, circle)
        v8.set(circle, 24, circle)
        #expect(heap.string(circle) == nil)
        // A length below nothing, and a kind that is not known.
        #expect(heap.string(v8.string(kind: 0 | 8, length: -1, [])) == nil)
        #expect(heap.string(v8.string(kind: 6 | 8, length: 1, [])) == nil)
    }

    @Test("versions and builds that are not known are said to be so")
    func unknown() {
        func text(_ major: Int32, _ minor: Int32, _ changes: [String: Int32?] = [:]) -> String? {
            let memory = FabricatedMemory()
            let symbols = FabricatedScript.symbols(in: memory, major: major, minor: minor, changing: changes)
            do throws(V8Layout.Unknown) {
                _ = try V8Layout(memory, symbols: symbols)
                return nil
            } catch {
                return error.text
            }
        }
        #expect(text(13, 6) == nil)
        #expect(text(10, 2) == "V8 10.2: its frames are not known")
        #expect(text(14, 1) == "V8 14.1: its frames are not known")
        let missing = text(12, 4, ["off_fp_function": nil])
        #expect(missing == "V8 12.4: it does not describe itself as expected (off_fp_function)")
        #expect(text(12, 4, ["class_Script__name__Object": 1 << 24])?.contains("class_Script__name__") == true)
        #expect(text(12, 4, ["TaggedSize": 4]) == "V8 with compressed pointers: not known")
        let nothing = FabricatedMemory()
        #expect(throws: V8Layout.Unknown(text: "V8 of unknown version: its frames are not known")) {
            try V8Layout(nothing, symbols: [:])
        }
    }

    @Test("any damage ends, within the limits", arguments: versions, [1, 2, 3] as [UInt64])
    func fuzz(version: Version, seed: UInt64) throws {
        let v8 = try FabricatedScript(major: version.major, minor: version.minor)
        var generator = SeededGenerator(seed: seed)
        let context = v8.object(FabricatedScript.Kind.context, bytes: 32)
        let script = v8.script("/app/a.js", source: String(repeating: "line\n", count: 40))
        let all = (0..<4).map { index in
            v8.function(
                nameOrScope: v8.scope(name: v8.string("f\(index)"), start: 20 * index, locals: 2),
                script: script
            )
        }
        let addresses = v8.memory.wordAddresses
        var found = 0
        for _ in 0..<400 {
            let memory = v8.memory.copy()
            for _ in 0...Int.random(in: 0...6, using: &generator) {
                let value: UInt64 = [
                    addresses.randomElement(using: &generator)! + 1, generator.next(), 0, .max, all[0], 1 << 32,
                ].randomElement(using: &generator)!
                memory.put(value, at: addresses.randomElement(using: &generator)!)
            }
            if Bool.random(using: &generator) { memory.removePage(of: addresses.randomElement(using: &generator)!) }
            var functions = V8Functions(memory: memory, layout: v8.layout)
            for function in all {
                guard let named = functions.function(function, context: context) else { continue }
                found += 1
                #expect(named.name.utf8.count <= SymbolLimits.functionNameBytes)
                #expect(named.script.count <= RemoteStackLimits.scriptStringCharacters)
            }
        }
        #expect(found > 200)
    }
}
