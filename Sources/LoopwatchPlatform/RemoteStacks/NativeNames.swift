// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Gives names to native code of another process.
///
/// Without files and lines: the toolchain's symboliser, which knows them, looks at binaries of its own process only.
struct NativeNames {
    private let process: Int32
    private let symbols: RemoteSymbolCache
    private var known = GenerationCache<UInt64, NamedFrame>(capacity: RemoteStackLimits.addressesCached)
    private var perfMap: PerfMap?
    private var perfMapIdentity: FileMemory.Identity?
    private var hostModule: String?
    /// Binaries that belong to an interpreter.
    private var interpreters: Set<String> = []

    /// Creates a reader of names.
    init(process: Int32, symbols: RemoteSymbolCache) {
        self.process = process
        self.symbols = symbols
    }

    /// Forgets all names: the binaries have changed.
    mutating func forget(images: RemoteImages, interpreters: [RemoteImage]) {
        known.removeAll()
        hostModule = Symbolizer.moduleName(of: images.executablePath)
        self.interpreters = Set(interpreters.map(\.path))
    }

    /// The name of the code at an address.
    mutating func frame(at address: UInt64, in images: RemoteImages) -> NamedFrame {
        guard let image = images.image(holding: address) else { return outside(address, images) }
        if let frame = known.value(for: address) { return frame }
        let frame = lookUp(address, in: image)
        known.insert(frame, for: address)
        return frame
    }

    private func lookUp(_ address: UInt64, in image: RemoteImage) -> NamedFrame {
        let offset = address &- image.bias
        let file = image.openPath.flatMap {
            symbols.file(at: $0, buildIdentifier: image.buildIdentifier, inode: image.inode)
        }
        guard let symbol = file?.name(at: offset) else {
            return NamedFrame(
                frame: StackFrame(
                    function: image.name + "+0x" + String(offset, radix: 16),
                    module: image.name,
                    moduleOffset: offset,
                    origin: origin(of: image, symbol: nil, name: nil)
                ),
                kind: .function
            )
        }
        let name = Demangler.demangled(symbol).map { SymbolName(demangled: $0, host: hostModule) }
        let plain = CodeNames.cPlusPlusName(symbol) ?? symbol
        return NamedFrame(
            frame: StackFrame(
                function: name?.text ?? boundedText(plain, SymbolLimits.functionNameBytes),
                module: image.name,
                moduleOffset: offset,
                origin: origin(of: image, symbol: symbol, name: name)
            ),
            kind: name?.kind ?? .function
        )
    }

    private func origin(of image: RemoteImage, symbol: String?, name: SymbolName?) -> StackFrame.Origin {
        if interpreters.contains(image.path) { return .runtime }
        // A library of a package, and not of the application: /app/venv/lib/python3.12/site-packages/….
        let isPackaged = image.path.contains("-packages/") || image.path.contains("/node_modules/")
        if isPackaged || image.name.contains(".cpython-") { return .library }
        return FrameClassifier.origin(in: image.origin, symbol: symbol, name: name)
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
