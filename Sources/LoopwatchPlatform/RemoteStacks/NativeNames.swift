// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Gives names to native code of another process.
///
/// With files, lines and inlined functions where the executable is Swift's, has debug information and can be trusted (``SourceLines``).
struct NativeNames {
    private let process: Int32
    private let symbols: RemoteSymbolCache
    private var known = GenerationCache<UInt64, [NamedFrame]>(capacity: RemoteStackLimits.addressesCached)
    private var perfMap: PerfMap?
    private var perfMapIdentity: FileMemory.Identity?
    private var naming = FunctionNaming(hostModule: nil, hostHoldsCLibrary: false)
    private var lines: LineReader?
    /// The file that they are read of.
    private var linedFile: SourceLines?
    private var isLinesKnown = false
    private var lineNanosecondsLeft: Int64
    private let lineNanoseconds: Int64
    /// Whether code of Swift was met with in the executable: then its `main` is Swift's too.
    private var isSwift = false
    /// Binaries that belong to an interpreter.
    private var interpreters: Set<String> = []

    /// Creates a reader of names.
    ///
    /// - Parameters:
    ///   - process: the process.
    ///   - symbols: symbols that are kept.
    ///   - lineNanoseconds: for how long files and lines of one stack are looked for.
    init(process: Int32, symbols: RemoteSymbolCache, lineNanoseconds: Int64) {
        self.process = process
        self.lineNanoseconds = lineNanoseconds
        lineNanosecondsLeft = lineNanoseconds
        self.symbols = symbols
    }

    /// Forgets all names: the binaries have changed.
    mutating func forget(images: RemoteImages, interpreters: [RemoteImage]) {
        known.removeAll()
        naming = FunctionNaming(
            hostModule: Symbolizer.moduleName(of: images.executablePath),
            hostHoldsCLibrary: ImageTable(images: images.images.map(\.loaded)).hostHoldsCLibrary
        )
        lines = nil
        linedFile = nil
        isLinesKnown = false
        isSwift = false
        self.interpreters = Set(interpreters.map(\.path))
    }

    private static let main = "main"

    /// Whether files and lines are not to be had any more, because what read them came to a bad end.
    var hasGivenUpLines: Bool { lines?.isGivenUp ?? false }

    /// Begins with a stack: files and lines are looked for from now on, for some time.
    mutating func beginStack() {
        lineNanosecondsLeft = lineNanoseconds
        isComplete = true
    }

    /// Whether no file or line is missing of the stack because there was no time for it.
    private(set) var isComplete = true

    /// The functions that an address lies in, the innermost inlined one first.
    ///
    /// - Parameters:
    ///   - address: the address.
    ///   - images: the process's binaries.
    ///   - modules: their unwind tables, which know where functions begin that have no name.
    mutating func frames(at address: UInt64, in images: RemoteImages, modules: ModuleTable) -> [NamedFrame] {
        guard let image = images.image(holding: address) else { return [outside(address, images)] }
        if let frames = known.value(for: address) { return frames }
        let (plain, isLined) = lookUp(address, in: image, modules)
        guard isLined else {
            known.insert([plain], for: address)
            return [plain]
        }
        let begin = Clock.now()
        defer { lineNanosecondsLeft -= Clock.now().nanoseconds(since: begin) }
        if !isLinesKnown {
            linedFile = symbols.lines(of: image, process: process)
            lines = linedFile?.reader(for: image)
            isLinesKnown = true
        }
        // What there is no time for now is read meanwhile, and not kept, so that it is asked for again.
        guard var frames = lines.map({ $0.functions(at: address, withinNanoseconds: lineNanosecondsLeft) }) ?? [] else {
            isComplete = false
            return [plain]
        }
        // Where the two disagree, the symbol table that was read here has the last word.
        if !(frames.last.map { Demangler.isSwift($0.symbol) || $0.symbol == Self.main } ?? false) { frames = [] }
        let lined = naming.frames(of: frames, at: address &- image.bias, in: image.loaded)
        known.insert(lined.isEmpty ? [plain] : lined, for: address)
        return lined.isEmpty ? [plain] : lined
    }

    /// Reads the symbols of all binaries, which would be read when the first of their code is met with.
    func readSymbols(of images: RemoteImages) {
        for image in images.images { _ = file(of: image) }
    }

    private func file(of image: RemoteImage) -> SymbolFile? {
        image.openPath.flatMap { symbols.file(at: $0, buildIdentifier: image.buildIdentifier, inode: image.inode) }
    }

    /// The function at an address, by the symbol table, and whether its file and line may be had.
    private mutating func lookUp(
        _ address: UInt64,
        in image: RemoteImage,
        _ modules: ModuleTable
    ) -> (NamedFrame, isLined: Bool) {
        let offset = address &- image.bias
        guard let symbol = file(of: image)?.name(at: offset) else {
            // Where the function begins: so that all its addresses are of one function.
            let start = modules.module(at: address)?.table?.description(at: address)?.start ?? address
            let nameless = NamedFrame(
                frame: StackFrame(
                    function: image.name + "+0x" + String(start &- image.bias, radix: 16),
                    module: image.name,
                    moduleOffset: offset,
                    origin: origin(of: image, symbol: nil, name: nil)
                ),
                kind: .function
            )
            return (nameless, false)
        }
        let name = Demangler.demangled(symbol).map { SymbolName(demangled: $0, host: naming.hostModule) }
        let plain = CodeNames.cPlusPlusName(symbol) ?? symbol
        let named = NamedFrame(
            frame: StackFrame(
                function: name?.text ?? boundedText(plain, SymbolLimits.functionNameBytes),
                module: image.name,
                moduleOffset: offset,
                origin: origin(of: image, symbol: symbol, name: name)
            ),
            kind: name?.kind ?? .function
        )
        guard image.isExecutable, !interpreters.contains(image.path) else { return (named, false) }
        if Demangler.isSwift(symbol) { isSwift = true }
        return (named, Demangler.isSwift(symbol) || isSwift && symbol == Self.main)
    }

    private func origin(of image: RemoteImage, symbol: String?, name: SymbolName?) -> StackFrame.Origin {
        if interpreters.contains(image.path) { return .runtime }
        if SourceOrigin.isPackaged(image.path) || image.name.contains(".cpython-") { return .library }
        return FrameClassifier.origin(
            in: image.origin,
            symbol: symbol,
            name: name,
            hostHoldsCLibrary: naming.hostHoldsCLibrary
        )
    }

    /// The frame of code that belongs to no binary: by what its compiler wrote down for others.
    private mutating func outside(_ address: UInt64, _ images: RemoteImages) -> NamedFrame {
        if images.isOtherCode(address), let name = perfName(at: address) {
            return NamedFrame(
                frame: StackFrame(function: name, module: "perf-\(process).map", origin: .host),
                kind: .function
            )
        }
        return NamedFrame(
            frame: StackFrame(function: "0x" + String(address, radix: 16), module: "", origin: .unknown),
            kind: .function
        )
    }

    private mutating func perfName(at address: UInt64) -> String? {
        let status = WholeFile.bytes(at: "/proc/\(process)/status", atMost: 8_192)
        let inner = RemoteThreadFiles.innerIdentifier(status: status) ?? process
        guard let file = FileMemory(path: "/proc/\(process)/root/tmp/perf-\(inner).map") else { return nil }
        if file.identity != perfMapIdentity {
            let size = Int(clamping: file.identity.size)
            let count = min(size, RemoteStackLimits.perfMapBytes)
            perfMap = file.bytes(at: UInt64(size - count), count: count).map { PerfMap($0) }
            perfMapIdentity = file.identity
        }
        return perfMap?.name(at: address)
    }
}
