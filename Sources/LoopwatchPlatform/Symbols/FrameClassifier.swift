// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Tells whose code a frame is: by the binary, and within the host's by the name, because a static executable holds the
/// runtime too, and the compiler puts specialised copies of the library's functions into everyone's binary.
enum FrameClassifier {
    private static let runtimeModules: Set<String> = [
        "Swift", "_Concurrency", "_StringProcessing", "_RegexParser", "RegexBuilder", "Synchronization", "Observation",
        "Distributed", "_Differentiation", "_Volatile", "_Builtin_float", "Cxx", "CxxStdlib", "Runtime", "Builtin",
        "Foundation", "FoundationEssentials", "FoundationInternationalization", "FoundationNetworking", "FoundationXML",
        "_FoundationCollections", "_FoundationICU", "_FoundationCShims", "XCTest", "Testing", "__C",
        // The watch itself is not to blame for what it watches; its demo is a host like any other.
        "Loopwatch", "LoopwatchCore", "LoopwatchExposition", "LoopwatchHTTP", "LoopwatchPlatform",
        "LoopwatchTesting",
    ]
    private static let systemModules: Set<String> = ["Glibc", "Musl", "SwiftGlibc"]
    private static let dispatchSymbols = [
        "dispatch_", "_dispatch_", "_os_object_", "_os_workgroup", "_Block_", "_voucher_",
    ]
    private static let runtimeSymbols = [
        "swift_", "_swift_", "__swift_", "swift::", "_ZN5swift", "lw_", "CF", "_CF", "__CF",
    ]
    private static let systemSymbols = [
        "_start", "_init", "_fini", "_dl_", "__libc_", "__cxa_", "__gxx_", "_Unwind_", "_ZSt", "_ZNSt", "_ZNKSt",
        "_ZN9__gnu_cxx", "__pthread_", "__GI_", "__do_global_", "register_tm_clones", "deregister_tm_clones",
        "frame_dummy",
        // Sanitizers are linked into the executable, and stand in for functions of the C library.
        "__interceptor_", "___interceptor_", "__tsan", "__asan", "__ubsan", "__lsan", "__sanitizer", "_ZN6__tsan",
        "_ZN6__asan", "_ZN7__ubsan", "_ZN6__lsan", "_ZN11__sanitizer", "_ZN14__interception",
    ]

    /// The origin of code in a binary, by its symbol as the binary has it and the name that was made of that.
    ///
    /// - Parameters:
    ///   - image: the binary's origin.
    ///   - symbol: the symbol, if there is one.
    ///   - name: the demangled name, if the symbol is Swift's.
    ///   - hostHoldsCLibrary: whether the executable is linked with the C library statically.
    static func origin(
        in image: ImageOrigin,
        symbol: String?,
        name: SymbolName?,
        hostHoldsCLibrary: Bool = false
    ) -> StackFrame.Origin {
        switch image {
        case .system: return .system
        case .dispatch: return .dispatch
        case .runtime: return .runtime
        case .host: break
        }
        if let name, name.kind == .generated { return .runtime }
        if let module = name?.module { return origin(ofModule: module) }
        guard let symbol else { return .host }
        if hostHoldsCLibrary, SystemFunctions.contain(symbol) { return .system }
        // A specialisation of a function of C has no module, but the function's name.
        return origin(ofSymbol: Demangler.isSwift(symbol) ? name?.text ?? symbol : symbol)
    }

    private static func origin(ofModule module: String) -> StackFrame.Origin {
        if module == "Dispatch" || module == "CDispatch" { return .dispatch }
        if systemModules.contains(module) { return .system }
        return runtimeModules.contains(module) ? .runtime : .host
    }

    private static func origin(ofSymbol symbol: String) -> StackFrame.Origin {
        if symbol.hasPrefix("Swift runtime failure") { return .runtime }
        if dispatchSymbols.contains(where: { symbol.hasPrefix($0) }) { return .dispatch }
        if runtimeSymbols.contains(where: { symbol.hasPrefix($0) }) { return .runtime }
        // C++ within the runtime: namespaces and argument types are mangled with their length.
        if symbol.hasPrefix("_Z"), symbol.contains("5swift") { return .runtime }
        return systemSymbols.contains { symbol.hasPrefix($0) } ? .system : .host
    }
}
