// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Whose code a frame is")
struct FrameClassifierTests {
    @Test(
        "a binary is told by its path",
        arguments: [
            ("/srv/app/App", true, ImageOrigin.host),
            ("/usr/lib/app/App", true, .host),
            ("/srv/app/libPlugin.so", false, .host),
            ("/usr/local/lib/libvips.so.42", false, .host),
            ("/opt/swift/usr/lib/swift/linux/libswiftCore.so", false, .runtime),
            ("/srv/app/libswift_Concurrency.so", false, .runtime),
            ("/srv/app/libFoundationEssentials.so", false, .runtime),
            ("/srv/app/lib_FoundationICU.so", false, .runtime),
            ("/srv/app/libswiftness.so", false, .host),
            ("/usr/lib/swift/linux/libdispatch.so", false, .dispatch),
            ("/usr/lib/swift/linux/libswiftDispatch.so", false, .dispatch),
            ("/lib/x86_64-linux-gnu/libc.so.6", false, .system),
            ("/usr/lib/x86_64-linux-gnu/libpq.so.5", false, .system),
            ("/lib64/ld-linux-x86-64.so.2", false, .system),
            ("[vdso]", false, .system),
            ("", false, .host),
        ]
    )
    func images(path: String, isExecutable: Bool, origin: ImageOrigin) {
        #expect(ImageOrigin.of(path: path, isExecutable: isExecutable) == origin)
    }

    @Test(
        "within the host's binary, code is told by its symbol",
        arguments: [
            ("main", nil, StackFrame.Origin.host),
            ("sqlite3_step", nil, .host),
            ("swift_retain", nil, .runtime),
            ("_swift_release_dealloc", nil, .runtime),
            ("_ZL23completeTaskWithClosurePN5swift12AsyncContextEPNS_10SwiftErrorE", nil, .runtime),
            ("_ZN5swift34runJobInEstablishedExecutorContextEPNS_3JobE", nil, .runtime),
            ("_ZN3app4stepEv", nil, .host),
            ("_dispatch_worker_thread2", nil, .dispatch),
            ("dispatch_semaphore_wait", nil, .dispatch),
            ("__cxa_throw", nil, .system),
            ("_start", nil, .system),
            ("lw_wait_readable", nil, .runtime),
            ("$s1", "MyApp.run() -> ()", .host),
            ("$s1", "NIOPosix.SelectableEventLoop.run() throws -> ()", .host),
            ("$s1", "(extension in MyApp):Swift.Array.firstTwice(of: A) -> Swift.Int?", .host),
            ("$s1", "closure #1 () -> () in MyApp.run() -> ()", .host),
            ("$s1", "one-time initialization function for glob", .host),
            ("$s1", "generic specialization <Swift.String> of Swift.Array.sort() -> ()", .runtime),
            (
                "$s1", "generic specialization <MyApp.Order> of (extension in Swift):Swift.Sequence.map() -> ()",
                .runtime
            ),
            ("$s1", "generic specialization <MyApp.Failure> of swift_willThrowTyped", .runtime),
            ("$s1", "outlined destroy of MyApp.Order", .runtime),
            ("$s1", "reabstraction thunk helper from @callee_guaranteed () -> () to @escaping () -> ()", .runtime),
            ("$s1", "Foundation.Data.init() -> Foundation.Data", .runtime),
            ("$s1", "FoundationEssentials.JSONDecoder.decode() -> ()", .runtime),
            ("$s1", "(extension in Dispatch):__C.OS_dispatch_queue.sync() -> ()", .dispatch),
            ("$s1", "Loopwatch.Watchdog.run() -> ()", .runtime),
            ("$s1", "LoopwatchPlatform.Symbolizer.warmUp() -> ()", .runtime),
            ("$s1", "LoopwatchDaemon.SlowDatabase.query() -> ()", .host),
        ]
    )
    func symbols(symbol: String, demangled: String?, origin: StackFrame.Origin) {
        let name = demangled.map { SymbolName(demangled: $0, host: "MyApp") }
        #expect(FrameClassifier.origin(in: .host, symbol: symbol, name: name) == origin)
    }

    @Test(
        "in an executable that holds the C library, its functions are not the host's",
        arguments: [
            ("read", true), ("__read", true), ("__libc_recv", true), ("__GI___clock_nanosleep", true), ("usleep", true),
            ("__lll_lock_wait", true), ("__memcpy_avx_unaligned_erms", true), ("gaih_inet.constprop.0", true),
            ("__libc_res_nsend", true), ("_IO_fwrite", false), ("readOrders", false), ("memory_report", false),
            ("corpus_wait_upstream", false), ("main", false), ("strategy", false),
        ]
    )
    func staticCLibrary(symbol: String, isSystem: Bool) {
        #expect(
            FrameClassifier.origin(in: .host, symbol: symbol, name: nil, hostHoldsCLibrary: true)
                == (isSystem ? .system : .host)
        )
        // In others such a name is the host's own, but for names that only the C library has.
        guard !symbol.hasPrefix("__") else { return }
        #expect(FrameClassifier.origin(in: .host, symbol: symbol, name: nil) == .host)
    }

    @Test("which executable holds the C library is known by what is mapped")
    func cLibrary() {
        #expect(!ImageTable.capture().hostHoldsCLibrary)
        #expect(ImageTable(images: []).hostHoldsCLibrary)
    }

    @Test("without a symbol, the binary decides")
    func nameless() {
        #expect(FrameClassifier.origin(in: .host, symbol: nil, name: nil) == .host)
        #expect(FrameClassifier.origin(in: .system, symbol: "main", name: nil) == .system)
        #expect(FrameClassifier.origin(in: .dispatch, symbol: nil, name: nil) == .dispatch)
        #expect(FrameClassifier.origin(in: .runtime, symbol: nil, name: nil) == .runtime)
    }

    @Test("the host's module is the executable's name, as the compiler writes it")
    func moduleName() {
        #expect(Symbolizer.moduleName(of: "/srv/my-app.2") == "my_app_2")
        #expect(Symbolizer.moduleName(of: "/srv/App (deleted)") == "App")
        #expect(Symbolizer.moduleName(of: nil) == nil)
        #expect(Symbolizer.moduleName(of: "/") == nil)
    }
}
