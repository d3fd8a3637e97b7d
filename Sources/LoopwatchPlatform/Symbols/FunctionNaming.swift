// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Makes frames of the functions that an address lies in.
struct FunctionNaming {
    /// The host's main module, which is left out of names.
    var hostModule: String?
    /// Whether the executable is linked with the C library statically.
    var hostHoldsCLibrary: Bool

    /// The frames of functions, the innermost inlined one first.
    ///
    /// - Parameters:
    ///   - functions: the functions, in that order.
    ///   - offset: the address, as the binary's symbol table would count it.
    ///   - image: the binary.
    func frames(
        of functions: [RuntimeSymbols.Function],
        at offset: UInt64,
        in image: LoadedImage
    ) -> [NamedFrame] {
        functions.enumerated().map { index, function in
            let name = Demangler.demangled(function.symbol).map { demangled in
                let name = SymbolName(demangled: demangled, host: hostModule)
                // An application is made of many modules; the file tells which.
                return origin(of: function.symbol, name, in: image) == .host
                    ? SymbolName(demangled: demangled, host: name.module) : name
            }
            let plain = function.displayName.isEmpty ? function.symbol : function.displayName
            let frame = StackFrame(
                function: name?.text ?? boundedText(plain, SymbolLimits.functionNameBytes),
                file: function.file.map { path in
                    path.utf8.count > SymbolLimits.sourcePathBytes
                        ? String(decoding: path.utf8.suffix(SymbolLimits.sourcePathBytes), as: UTF8.self) : path
                },
                line: function.line,
                module: image.name,
                moduleOffset: offset,
                origin: origin(of: function.symbol, name, in: image),
                link: index == 0 ? .call : .inlined
            )
            return NamedFrame(frame: frame, kind: name?.kind ?? .function)
        }
    }

    private func origin(of symbol: String, _ name: SymbolName?, in image: LoadedImage) -> StackFrame.Origin {
        FrameClassifier.origin(in: image.origin, symbol: symbol, name: name, hostHoldsCLibrary: hostHoldsCLibrary)
    }
}

extension RuntimeSymbols {
    /// The same functions, with the line of the code just before if the compiler gave the address none, as it does to what it
    /// made up itself.
    func linedFunctions(at address: UInt64) -> [Function] {
        var found = functions(at: address)
        guard let first = found.first, first.line == nil else { return found }
        for distance in Self.lineDistances where address > distance {
            guard let near = functions(at: address - distance).first, near.symbol == first.symbol else { break }
            guard near.line != nil else { continue }
            (found[0].file, found[0].line) = (near.file, near.line)
            break
        }
        return found
    }

    /// How far before an address its line is looked for, in bytes: few looks, near ones first.
    private static let lineDistances: [UInt64] = [4, 10, 20, 40, 80]
}
