// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchPlatform

/// Names as the compiler of 6.3.1 makes them, optimised and not, and what is shown of them.
private let shortenings: [(demangled: String, short: String, module: String?, kind: SymbolName.Kind)] = [
    ("static MyApp.Checkout.pay(order: MyApp.Order) async throws -> ()", "Checkout.pay(order:)", "MyApp", .function),
    ("MyApp.Checkout.other(MyApp.Order, Swift.Int) async -> ()", "Checkout.other(_:_:)", "MyApp", .function),
    ("MyApp.withUnsafeContinuation2() -> ()", "withUnsafeContinuation2()", "MyApp", .function),
    ("(1) await resume partial function for MyApp.Bank.slow() async -> ()", "Bank.slow()", "MyApp", .function),
    (
        "(2) suspend resume partial function for MyApp.Checkout.other(MyApp.Order, Swift.Int) async -> ()",
        "Checkout.other(_:_:)", "MyApp", .function
    ),
    (
        "(12) await resume partial function for closure #1 () async throws -> Swift.Int in "
            + "MyApp.handleRequest(MyApp.Payable) async -> Swift.Int",
        "closure #1 in handleRequest(_:)", "MyApp", .function
    ),
    (
        "(1) await resume partial function for function signature specialization <Arg[1] = Dead> of "
            + "MyApp.Checkout.pay(order: MyApp.Order) async throws -> Swift.Int",
        "Checkout.pay(order:)", "MyApp", .function
    ),
    (
        "(3) suspend resume partial function for generic specialization <MyApp.Checkout> of function signature "
            + "specialization <Arg[0] = Existential To Protocol Constrained Generic> of "
            + "MyApp.handleRequest(MyApp.Payable) async -> Swift.Int",
        "handleRequest(_:)", "MyApp", .function
    ),
    (
        "(1) await resume partial function for partial apply forwarder for closure #2 () async -> () in "
            + "static MyApp.Main.main() async throws -> ()",
        "closure #2 in Main.main()", "MyApp", .thunk
    ),
    (
        "partial apply forwarder for implicit closure #1 @Sendable () async throws -> Swift.Int in "
            + "MyApp.handleRequest(MyApp.Payable) async -> Swift.Int",
        "implicit closure #1 in handleRequest(_:)", "MyApp", .thunk
    ),
    (
        "partial apply forwarder for reabstraction thunk helper <A, B where A: Swift.Sendable, B == Swift.Never> from "
            + "@escaping @isolated(any) @callee_guaranteed @async () -> (@out A) to @escaping @callee_guaranteed @async "
            + "() -> (@out A, @error @owned Swift.Error)",
        "reabstraction thunk", nil, .generated
    ),
    (
        "(extension in MyApp):Swift.Array<A where A: Swift.Equatable>.firstTwice(of: A) -> Swift.Int?",
        "Array.firstTwice(of:)", "MyApp", .function
    ),
    ("(extension in MyApp):Swift.String.shout() -> Swift.String", "String.shout()", "MyApp", .function),
    (
        "(extension in Swift):Swift.Collection.map<A, B where B1: Swift.Error>((A.Element) throws(B1) -> A1) throws(B1) "
            + "-> [A1]",
        "Swift.Collection.map(_:)", "Swift", .function
    ),
    (
        "closure #1 (Swift.UnsafeBufferPointer<Swift.Int8>) -> Builtin.NativeObject in static (extension in Swift):"
            + "Swift.Task< where B == Swift.Never>.detached(name: Swift.String?, priority: Swift.TaskPriority?, "
            + "operation: __owned @isolated(any) () async -> A) -> Swift.Task<A, Swift.Never>",
        "closure #1 in Swift.Task.detached(name:priority:operation:)", "Swift", .function
    ),
    (
        "MyApp.(helper in _F95563869034D81C4E169CAB9B06CBBF)(x: Swift.Int) -> Swift.String", "helper(x:)", "MyApp",
        .function
    ),
    (
        "function signature specialization <Arg[2] = Dead> of MyApp.Checkout.(secret in "
            + "_F95563869034D81C4E169CAB9B06CBBF)(_: (Swift.Int, Swift.String) -> (), then: @Sendable () -> ()) -> ()",
        "Checkout.secret(_:then:)", "MyApp", .function
    ),
    ("MyApp.Bank.__deallocating_deinit", "Bank.__deallocating_deinit", "MyApp", .function),
    ("MyApp.Box.init(A) -> MyApp.Box<A>", "Box.init(_:)", "MyApp", .function),
    ("MyApp.Checkout.total.getter : Swift.Int", "Checkout.total.getter", "MyApp", .function),
    (
        "MyApp.Bank.n.modify : Swift.Int with unmangled suffix \".resume.0\"", "Bank.n.modify", "MyApp", .function
    ),
    (
        "MyApp.Checkout.subscript.getter : (_: Swift.Int, named: Swift.String) -> Swift.Int",
        "Checkout.subscript.getter", "MyApp", .function
    ),
    (
        "MyApp.Box.get<A where A1: Swift.Hashable>(_: A1, or: [A1 : A]) -> A", "Box.get(_:or:)", "MyApp", .function
    ),
    (
        "generic specialization <Swift.Int, Swift.String> of MyApp.Box.get<A where A1: Swift.Hashable>(_: A1, or: "
            + "[A1 : A]) -> A",
        "Box.get(_:or:)", "MyApp", .function
    ),
    (
        "MyApp.generic<A where A: Swift.Sequence, A.Element == Swift.Int>(A) -> Swift.Int", "generic(_:)", "MyApp",
        .function
    ),
    ("MyApp.glob.unsafeMutableAddressor : [Swift.Int]", "glob.unsafeMutableAddressor", "MyApp", .function),
    (
        "MyApp.take(f: (Swift.Int) -> Swift.Int, _: (a: Swift.Int, b: Swift.String)) -> (Swift.Int) -> Swift.Int",
        "take(f:_:)", "MyApp", .function
    ),
    (
        "MyApp.throwsTyped() throws(MyApp.Failure) -> [Swift.String : (Swift.Int) -> ()]", "throwsTyped()", "MyApp",
        .function
    ),
    ("MyApp.vari(_: Swift.Int..., sep: Swift.String) -> ()", "vari(_:sep:)", "MyApp", .function),
    ("MyApp.~~ prefix(MyApp.Order) -> MyApp.Order", "~~(_:)", "MyApp", .function),
    (
        "static MyApp.Checkout.== infix(MyApp.Checkout, MyApp.Checkout) -> Swift.Bool", "Checkout.==(_:_:)", "MyApp",
        .function
    ),
    (
        "closure #1 () -> () in static MyApp.V.< infix(MyApp.V, MyApp.V) -> Swift.Bool", "closure #1 in V.<(_:_:)",
        "MyApp", .function
    ),
    (
        "static Swift.Comparable.... infix(A, A) -> Swift.ClosedRange<A>", "Swift.Comparable....(_:_:)", "Swift",
        .function
    ),
    (
        "inner #1 (Swift.Int) -> Swift.Int in MyApp.outer(Swift.Int) -> Swift.Int", "inner(_:) in outer(_:)", "MyApp",
        .function
    ),
    (
        "m(Swift.Int) -> Swift.Int in Local #1 in MyApp.outer(Swift.Int) -> Swift.Int", "m(_:) in Local in outer(_:)",
        "MyApp", .function
    ),
    (
        "closure #1 () -> Swift.Int in closure #2 (Swift.Int, Swift.Int) -> Swift.Int in MyApp.outer(Swift.Int) -> "
            + "Swift.Int",
        "closure #1 in closure #2 in outer(_:)", "MyApp", .function
    ),
    (
        "closure #1 () -> [Swift.Int] in variable initialization expression of MyApp.glob : [Swift.Int]",
        "closure #1 in variable initialization expression of glob", "MyApp", .function
    ),
    (
        "default argument 1 of Swift.print(_: Any..., separator: Swift.String, terminator: Swift.String) -> ()",
        "default argument 1 of Swift.print(_:separator:terminator:)", "Swift", .function
    ),
    ("one-time initialization function for glob", "one-time initialization function for glob", nil, .function),
    (
        "protocol witness for MyApp.Payable.pay(order: MyApp.Order) async throws -> Swift.Int in conformance "
            + "MyApp.Checkout : MyApp.Payable in MyApp",
        "Checkout.pay(order:)", "MyApp", .thunk
    ),
    (
        "protocol witness for static Swift.Equatable.== infix(A, A) -> Swift.Bool in conformance MyApp.Failure : "
            + "Swift.Equatable in MyApp",
        "Failure.==(_:_:)", "MyApp", .thunk
    ),
    ("vtable thunk for MyApp.A.f() -> () dispatching to MyApp.B.f() -> ()", "B.f()", "MyApp", .thunk),
    ("outlined destroy of Swift.ContiguousArray<A1>", "outlined destroy of Swift.ContiguousArray<A1>", nil, .generated),
    ("merged MyApp.Box.lz.getter : Swift.Int", "Box.lz.getter", "MyApp", .function),
    (
        "function signature specialization <Arg[0] = [Closure Propagated : $s5MyApp23withUnsafeContinuation2yyFSbSS_SStXEfU0_"
            + ", Argument Types : []> of generic specialization <[Swift.String]> of (extension in Swift):Swift.Sequence"
            + ".sorted(by: (A.Element, A.Element) throws -> Swift.Bool) throws -> [A.Element]",
        "Swift.Sequence.sorted(by:)", "Swift", .function
    ),
    (
        "generic specialization <MyApp.Failure> of swift_willThrowTyped", "swift_willThrowTyped", nil, .function
    ),
    (
        "NIOPosix.SelectableEventLoop.run() throws -> ()", "NIOPosix.SelectableEventLoop.run()", "NIOPosix", .function
    ),
    (
        "closure #1 (A) throws -> B in NIOPosix.SelectableEventLoop.(loop in _ABC)<A, B>(_: A) -> B",
        "closure #1 in NIOPosix.SelectableEventLoop.loop(_:)", "NIOPosix", .function
    ),
]

@Suite("Names of functions")
struct SymbolNameTests {
    @Test("names are shortened to what an engineer wants to read", arguments: shortenings.indices)
    func shortened(index: Int) {
        let expected = shortenings[index]
        let name = SymbolName(demangled: expected.demangled, host: "MyApp")
        #expect(name.text == expected.short)
        #expect(name.module == expected.module)
        #expect(name.kind == expected.kind)
    }

    @Test("without a host's module, every module is shown")
    func noHost() {
        #expect(SymbolName(demangled: "MyApp.run() -> ()", host: nil).text == "MyApp.run()")
    }

    @Test(
        "what the compiler makes to copy and destroy values is nobody's code",
        arguments: ["destroy", "initializeWithCopy"]
    )
    func valueWitness(word: String) {
        #expect(SymbolName(demangled: "\(word) value witness for MyApp.Order", host: "MyApp").kind == .generated)
        #expect(SymbolName(demangled: "MyApp.\(word)(MyApp.Order) -> ()", host: "MyApp").kind == .function)
    }

    @Test("a long name is cut, between characters, and says so")
    func long() {
        let name = SymbolName(demangled: "MyApp." + String(repeating: "ä", count: 4_000) + "() -> ()", host: "MyApp")
        #expect(name.text.utf8.count <= SymbolLimits.functionNameBytes)
        #expect(name.text.hasPrefix("ää") && name.text.hasSuffix("ä…"))
    }

    @Test("any text is accepted")
    func garbage() {
        var generator = SystemRandomNumberGenerator()
        let pieces = [
            "(", ")", "<", ">", "[", "]", " in ", ".", "...", ": ", " #1 ", "->", ",", "a", "closure #", "(1) await ",
            "conformance ", "(extension in ", "):", " of ", "specialization <", "`", "ä", " infix",
            "default argument 1 of ",
        ]
        for text in ["", "(", ".", " ", "((((((", "....", "()", " in ", "<>", "(1)", "a.", "(a in ", "`"] {
            _ = SymbolName(demangled: text, host: "a")
        }
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 1...30, using: &generator)).map { _ in pieces.randomElement() ?? "" }
                .joined()
            #expect(SymbolName(demangled: text, host: "a").text.utf8.count <= SymbolLimits.functionNameBytes, "\(text)")
        }
    }
}
