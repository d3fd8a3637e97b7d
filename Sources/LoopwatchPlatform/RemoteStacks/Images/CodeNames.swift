// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Makes names that people know of symbols.
enum CodeNames {
    private typealias Demangle =
        @convention(c) (
            UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<CInt>?
        ) -> UnsafeMutablePointer<CChar>?

    /// The demangler of the C++ runtime that Swift's own runtime is linked with, where its names are exported.
    private static let demangle: Demangle? = {
        dlsym(nil, "__cxa_demangle").map { unsafeBitCast($0, to: Demangle.self) }
    }()

    /// The name of a function of C++ (Itanium C++ ABI, section 5.1) without its arguments; `nil` if it is none, or there is no
    /// demangler.
    static func cPlusPlusName(_ symbol: String) -> String? {
        guard symbol.hasPrefix("_Z"), symbol.utf8.count <= SymbolLimits.mangledNameBytes, let demangle else {
            return nil
        }
        var status: CInt = 0
        guard let text = demangle(symbol, nil, nil, &status) else { return nil }
        defer { free(text) }
        return status == 0 ? withoutArguments(String(cString: text)) : nil
    }

    /// A name up to its list of arguments, which is the last that is open at no bracket; `(anonymous namespace)` and
    /// `operator()` are no lists of arguments.
    static func withoutArguments(_ name: String) -> String {
        let bytes = Array(name.utf8)
        var depth = 0
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            if depth == 0, rest.starts(with: "(anonymous namespace)".utf8) {
                index += "(anonymous namespace)".utf8.count
                continue
            }
            if depth == 0, rest.starts(with: "operator()".utf8) {
                index += "operator()".utf8.count
                continue
            }
            switch bytes[index] {
            case UInt8(ascii: "("):
                if depth == 0, index > 0 { return String(decoding: bytes[..<index], as: UTF8.self) }
                depth += 1
            case UInt8(ascii: "<"): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: ">"): depth = max(0, depth - 1)
            default: break
            }
            index += 1
        }
        return name
    }
}
