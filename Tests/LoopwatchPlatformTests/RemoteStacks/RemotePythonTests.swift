// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

/// Pythons of this machine, looked at from outside.
@Suite("Stacks of Python", .serialized)
struct RemotePythonTests {
    /// The interpreters that are here, by the version that they say they are.
    static let interpreters: [String] = {
        var found: [String: String] = [:]
        for name in ["python3", "python3.11", "python3.12", "python3.13", "/usr/bin/python3"] {
            let script = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
            guard let text = TargetProcess.output(of: [name, "-c", script]) else { continue }
            let words = text.split(whereSeparator: \.isWhitespace)
            // Two builds of a version may differ: one has its interpreter in a library.
            if words.count == 2, ["3.11", "3.12", "3.13"].contains(words[0]) {
                found[String(words[1])] = String(words[0])
            }
        }
        return found.keys.sorted()
    }()

    private static let program = """
        import sys, threading, time

        def nap():
            time.sleep(600)

        def by_key(item):
            nap()
            return item

        class Shop:
            def pay(self):
                return sorted([2, 1], key=by_key)

        def crunch():
            total = 0
            while True:
                total += 1

        def recurse(depth):
            if depth:
                return recurse(depth - 1)
            time.sleep(600)

        threading.Thread(target=crunch, name="crunch", daemon=True).start()
        deep = threading.Thread(target=recurse, args=(100,), daemon=True)
        deep.start()
        print("ids", threading.get_native_id(), deep.native_id, flush=True)
        Shop().pay()
        """

    @Test(
        "tell function, file and line",
        .enabled(if: !interpreters.isEmpty, "there is no Python 3.11 to 3.13 here"),
        arguments: interpreters
    )
    func stacks(interpreter: String) throws {
        let target = try TargetProcess([interpreter, "-c", Self.program], untilLine: "ids")
        var reader = try RemoteStackReader(process: target.identifier)
        #expect(reader.remarks.isEmpty && reader.interpreters.count == 1)
        // The main thread: in sorted(), which calls the loop anew.
        let stack = try reader.stack(of: target.identifier, "the main thread naps") { stack in
            stack.frames.contains { $0.function == "nap" && $0.line == 4 }
                && stack.frames.contains { $0.function == "clock_nanosleep" }
        }
        let functions = stack.frames.map(\.function)
        let python = stack.frames.filter { $0.file == "<string>" }
        #expect(python.map(\.function) == ["nap", "by_key", "Shop.pay", "<module>"])
        #expect(python.map(\.line) == [4, 7, 12, 28])
        #expect(stack.blamed?.function == "nap" && !stack.isTruncated)
        #expect(!functions.contains { $0.contains("_PyEval_EvalFrameDefault") })
        // Native frames of the C library come before and after, and none of the interpreter's own follow.
        #expect(functions.last == "_start" || functions.last?.contains("__libc_start") == true)
        #expect(!stack.frames.drop { $0.function != "<module>" }.contains { $0.function.hasPrefix("Py") })
        // Threads are told apart: one computes, one is deep.
        var computing = 0
        var deep = 0
        for thread in RemoteThreadList.identifiers(of: target.identifier) where thread != target.identifier {
            let stack = try reader.stack(of: thread, allowsStop: false, "thread \(thread)") { stack in
                stack.frames.contains { $0.function == "crunch" || $0.function == "recurse" }
            }
            if stack.blamed?.function == "crunch" {
                computing += 1
                #expect([16, 17].contains(stack.blamed?.line ?? 0))
            } else {
                deep += 1
                #expect(stack.frames.filter { $0.function == "recurse" }.count == 101)
                #expect(
                    stack.frames.filter { $0.function == "recurse" }.map(\.line) == [22]
                        + Array(repeating: 21, count: 100)
                )
            }
            #expect(stack.frames.contains { $0.function == "Thread.run" && $0.origin == .runtime })
        }
        #expect(computing == 1 && deep == 1)
        // Nothing was stopped for that.
        #expect(reader.statistics.stops == 0)
    }

    @Test(
        "of a thread that calls all the time are never wrong",
        .enabled(if: !interpreters.isEmpty, "there is no Python 3.11 to 3.13 here"),
        arguments: interpreters
    )
    func torn(interpreter: String) throws {
        // Each function calls only the next one: any other order was never there.
        let program = """
            def f0(): return f1() + f2()
            def f1(): return f3()
            def f2(): return f4()
            def f3(): return 1
            def f4(): return 2
            print("ids", flush=True)
            while True: f0()
            """
        let target = try TargetProcess([interpreter, "-c", program], untilLine: "ids")
        var reader = try RemoteStackReader(process: target.identifier)
        let callers = ["f0": "<module>", "f1": "f0", "f2": "f0", "f3": "f1", "f4": "f2"]
        var read = 0
        for _ in 0..<2_000 {
            guard case .success(let stack) = reader.stack(of: target.identifier, allowsStop: false) else { continue }
            let functions = stack.frames.filter { $0.file == "<string>" }.map(\.function)
            guard !functions.isEmpty else { continue }
            read += 1
            #expect(functions.last == "<module>")
            for (inner, outer) in zip(functions, functions.dropFirst()) { #expect(callers[inner] == outer) }
        }
        #expect(read > 100)
        #expect(reader.statistics.stops == 0)
    }

    @Test(
        "tell who holds the global lock, and where, and nothing where nobody does",
        .enabled(if: !interpreters.isEmpty, "there is no Python 3.11 to 3.13 here"),
        arguments: interpreters
    )
    func globalLock(interpreter: String) throws {
        // A loop of C that never gives the lock back; the main thread waits for it for ever.
        let program = """
            import sys, threading, time

            def hog():
                sum(iter(int, 1))

            print("ids", flush=True)
            if sys.argv[1] == "hog":
                threading.Thread(target=hog, daemon=True).start()
            time.sleep(600)
            """
        let held = try TargetProcess([interpreter, "-c", program, "hog"], untilLine: "ids")
        var reader = try RemoteStackReader(process: held.identifier)
        var holder: (thread: Int32, stack: Stack)?
        try eventually("the lock is held for long") {
            holder = reader.globalLockHolder()
            return holder?.stack.blamed?.function == "hog"
        }
        #expect(holder?.stack.blamed?.line == 4 && holder?.thread != held.identifier)
        #expect(reader.statistics.stops == 0)

        let free = try TargetProcess([interpreter, "-c", program, "nobody"], untilLine: "ids")
        var other = try RemoteStackReader(process: free.identifier)
        _ = try other.stack(of: free.identifier, "it sleeps") { stack in
            stack.frames.contains { $0.function == "<module>" && $0.line == 9 }
                && stack.frames.contains { $0.function == "clock_nanosleep" }
        }
        #expect(other.globalLockHolder() == nil)
    }

    @Test(
        "are had at once after preparation",
        .enabled(if: !interpreters.isEmpty, "there is no Python 3.11 to 3.13 here"),
        arguments: interpreters
    )
    func prepared(interpreter: String) throws {
        let target = try TargetProcess([interpreter, "-c", Self.program], untilLine: "ids")
        var reader = try RemoteStackReader(process: target.identifier)
        reader.prepare()
        #expect(reader.statistics == RemoteStackReader.Statistics())
        let stack = try reader.stack(of: target.identifier, "the main thread naps") { stack in
            stack.blamed?.function == "nap"
        }
        #expect(stack.frames.contains { $0.function == "clock_nanosleep" })
    }
}
