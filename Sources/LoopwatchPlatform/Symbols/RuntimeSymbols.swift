// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Runtime

/// Looks addresses up by the toolchain's own symboliser, which reads symbol tables and DWARF.
///
/// What it read of a binary it keeps for each thread that calls it, until the thread ends: call it from one thread. It
/// maps the binary's file, and takes no lock but the allocator's; only for compressed debug information it calls dlopen(3).
struct RuntimeSymbols {
    /// A function that an address lies in.
    struct Function {
        /// Name as the symbol table has it.
        var symbol: String
        /// Name as the symboliser demangles it.
        var displayName: String
        /// Path of the source file.
        var file: String?
        /// Line in it.
        var line: Int?
    }

    /// What stands where there is no name.
    private static let unknown = "<unknown>"

    private let map: ImageMap?

    #if arch(arm64)
        private static let architecture = "arm64"
    #else
        private static let architecture = "x86_64"
    #endif

    /// Prepares to look up addresses in binaries.
    init(_ table: ImageTable) {
        let images = table.images.filter { $0.isELF && $0.path.hasPrefix("/") }
        map = ["Linux", nil].lazy.compactMap { Self.map(images, platform: $0) }.first
    }

    /// Whether the toolchain takes the form in which it is asked; without it there are only exported names.
    var isAvailable: Bool { map != nil }

    /// The functions that an address lies in, the innermost inlined one first; empty if there is no name.
    ///
    /// The address must lie in the code of one of the binaries. In a hurry, lines and inlined functions are left out.
    func functions(at address: UInt64, inHurry: Bool = false) -> [Function] {
        let options: Backtrace.SymbolicationOptions = inHurry ? [.useSymbolCache] : .default
        guard let map, let found = Self.backtrace(of: address)?.symbolicated(with: map, options: options) else {
            return []
        }
        return found.frames.prefix(SymbolLimits.inlinedFrames).compactMap { frame in
            guard let symbol = frame.symbol, symbol.rawName != Self.unknown else { return nil }
            let location = symbol.sourceLocation.flatMap { $0.line > 0 ? $0 : nil }
            // The parts of a program's asynchronous beginning have names that are not mangled.
            let isMain = symbol.rawName.hasPrefix("async_MainT")
            return Function(
                symbol: isMain ? "async_Main" : symbol.rawName,
                displayName: isMain || Demangler.isSwift(symbol.rawName) ? "" : symbol.name,
                file: location?.path,
                line: location?.line
            )
        }
    }

    private static func backtrace(of address: UInt64) -> Backtrace? {
        let text = BacktraceEncoding.backtrace(of: address)
        return try? Backtrace(from: BacktraceFields(strings: ["architecture": architecture, "backtrace": text]))
    }

    /// The toolchain's form of the table; `nil` if what it decodes is not what was meant.
    private static func map(_ images: [LoadedImage], platform: String?) -> ImageMap? {
        let fields = BacktraceFields(strings: [
            "architecture": architecture,
            "backtrace": BacktraceEncoding.backtrace(of: 0),
            "imageMap": BacktraceEncoding.images(images, platform: platform),
        ])
        guard let map = (try? Backtrace(from: fields))?.images, map.count == images.count else { return nil }
        let isFaithful = zip(map, images).allSatisfy { decoded, image in
            decoded.path == image.path && UInt64(decoded.baseAddress) == image.base
                && UInt64(decoded.endOfText) == image.textEnd
        }
        return isFaithful ? map : nil
    }
}
