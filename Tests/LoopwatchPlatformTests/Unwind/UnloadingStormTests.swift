// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchCore
    import Synchronization
    import Testing

    @testable import LoopwatchPlatform

    /// A library that is loaded, called and unloaded again and again, while threads that are in it are unwound.
    @Suite("Unloading during unwinding", .serialized)
    struct UnloadingStormTests {
        /// A copy of the C compiler's library: its `_Unwind_Backtrace` calls whom it is given, who sleeps.
        private struct Library {
            private typealias Visit = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> CInt
            private typealias Backtrace = @convention(c) (Visit, UnsafeMutableRawPointer?) -> CInt

            private let handle: UnsafeMutableRawPointer
            private let backtrace: Backtrace
            /// Address of the function that sleeps.
            let address: UInt64

            /// Copies the library, so that it is one that nobody else uses.
            static func copy(to path: String) -> Bool {
                var line: UnsafeMutablePointer<CChar>?
                var capacity = 0
                guard let maps = fopen("/proc/self/maps", "re") else { return false }
                defer {
                    free(line)
                    fclose(maps)
                }
                while getline(&line, &capacity, maps) > 0, let line {
                    let fields = String(cString: line).split(whereSeparator: { $0 == " " || $0 == "\n" })
                    guard fields.count == 6, fields[5].contains("/libgcc_s") else { continue }
                    let source = open(String(fields[5]), O_RDONLY | O_CLOEXEC)
                    let target = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
                    defer {
                        close(source)
                        close(target)
                    }
                    var buffer = [UInt8](repeating: 0, count: 1 << 16)
                    while true {
                        let count = read(source, &buffer, buffer.count)
                        guard count > 0 else { return count == 0 }
                        guard write(target, &buffer, count) == count else { return false }
                    }
                }
                return false
            }

            init?(_ path: String) {
                guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, "_Unwind_Backtrace")
                else { return nil }
                self.handle = handle
                address = UInt64(UInt(bitPattern: symbol))
                backtrace = unsafeBitCast(symbol, to: Backtrace.self)
            }

            /// Sleeps with the library on the stack.
            @inline(never)
            func sleepWithin(microseconds: UInt32) -> Int {
                var microseconds = microseconds
                let result = backtrace(
                    { _, argument in
                        usleep(argument!.load(as: UInt32.self))
                        // Any code but 0 ends it.
                        return 5
                    },
                    &microseconds
                )
                return Int(result) &+ 1
            }

            func unload() { dlclose(handle) }
        }

        /// What the thread and the capturers share.
        private final class Shared: Sendable {
            let isStopping = Atomic<Bool>(false)
            let loads = Atomic<Int>(0)
            let failures = Atomic<Int>(0)
            let captures = Atomic<Int>(0)
            let through = Atomic<Int>(0)
            /// Where the library is, or was a moment ago.
            let address = Atomic<UInt64>(0)
        }

        /// Loads, calls and unloads the library for as long as wanted.
        private static func load(_ path: String, _ shared: Shared) {
            while !shared.isStopping.load(ordering: .acquiring) {
                guard let library = Library(path) else {
                    shared.failures.add(1, ordering: .relaxed)
                    return
                }
                shared.address.store(library.address, ordering: .relaxed)
                let number = shared.loads.add(1, ordering: .relaxed).newValue
                if library.sleepWithin(microseconds: 50 + 300 * UInt32(number % 8)) == 0 {
                    shared.failures.add(1, ordering: .relaxed)
                }
                library.unload()
            }
        }

        /// Captures for as long as wanted.
        private static func capture(_ threads: [ThreadIdentifier], _ shared: Shared) {
            var capture = ThreadCapture(policy: CapturePolicy(isSignallingAllowed: false))
            var unwinder = Unwinder()
            let views = threads.map { ThreadView($0) }
            var number = 0
            while !shared.isStopping.load(ordering: .acquiring) {
                number += 1
                // Often, so that the library is known as often as not.
                if number % 3 == 0 { unwinder.refreshModules() }
                let result = capture.capture(views[number % views.count]) { registers, memory, _ in
                    unwinder.unwind(from: registers, memory: &memory, framesMost: 64)
                }
                shared.captures.add(1, ordering: .relaxed)
                // Through the library, to the thread's beginning.
                let address = shared.address.load(ordering: .relaxed)
                if case .success(let stack) = result, !stack.isTruncated,
                    stack.frames.contains(where: { $0.address &- address < 1_024 })
                {
                    shared.through.add(1, ordering: .relaxed)
                }
            }
        }

        @Test("a library that is unloaded while a stack that leads through it is read does no harm")
        func storm() async {
            let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                recordingErrors {
                    let wanted = getenv("LOOPWATCH_STORM_CAPTURES").flatMap { Int(String(cString: $0)) } ?? 4_000
                    let shared = Shared()
                    let paths = (0..<2).map { "/tmp/loopwatch-unload-\(getpid())-\($0).so" }
                    defer { for path in paths { unlink(path) } }
                    for path in paths { try #require(Library.copy(to: path), "no libgcc_s") }
                    let threads = try paths.map { path in try OwnThread(name: "loader") { Self.load(path, shared) } }
                    let identifiers = threads.map(\.identifier)
                    let capturers = try (0..<2).map { _ in
                        try OwnThread(name: "capturer") { Self.capture(identifiers, shared) }
                    }
                    let deadline = Clock.now().advanced(byNanoseconds: 600_000_000_000)
                    while shared.captures.load(ordering: .relaxed) < wanted
                        || shared.through.load(ordering: .relaxed) < 50,
                        Clock.now() < deadline
                    {
                        poll(nil, 0, 5)
                    }
                    shared.isStopping.store(true, ordering: .releasing)
                    for thread in threads + capturers { thread.join() }
                    let (loads, failures) = (
                        shared.loads.load(ordering: .relaxed), shared.failures.load(ordering: .relaxed)
                    )
                    let (captures, through) = (
                        shared.captures.load(ordering: .relaxed), shared.through.load(ordering: .relaxed)
                    )
                    print("unloading: \(captures) captures, \(through) complete, \(loads) times loaded and unloaded")
                    #expect(failures == 0)
                    #expect(captures >= wanted && loads > 50 && through >= 50)
                }
            }
            print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
        }
    }
#endif
