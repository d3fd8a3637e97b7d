// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// Turns mangled names of Swift into the form that people know, with modules and types.
///
/// The names that `Runtime.Backtrace` gives lack the module, which tells whose code it is.
enum Demangler {
    /// Whether a symbol is Swift's: prefixes of docs/ABI/Mangling.rst, since Swift 4.2, and of embedded Swift.
    static func isSwift(_ symbol: String) -> Bool {
        symbol.hasPrefix("$s") || symbol.hasPrefix("$S") || symbol.hasPrefix("$e") || symbol.hasPrefix("@__swiftmacro_")
    }

    /// The demangled name; `nil` if the symbol is not Swift's, or too long.
    static func demangled(_ symbol: String) -> String? {
        guard isSwift(symbol), symbol.utf8.count <= SymbolLimits.mangledNameBytes else { return nil }
        guard let text = lw_demangle(symbol, symbol.utf8.count) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
